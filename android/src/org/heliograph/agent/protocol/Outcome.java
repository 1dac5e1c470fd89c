package org.heliograph.agent.protocol;

import org.json.JSONObject;

/** How a command ended on the phone: the terminal report without its ackId and number. */
public final class Outcome {
  /** It waited for its user, who did not answer in time, or the server withdrew it: nothing was done. */
  public static final Outcome NOT_STARTED = new Outcome("NOT_STARTED", null, null, null);

  static final Outcome NOT_KNOWN = failed("UNSUPPORTED", "this agent does not know the command");
  static final Outcome SEALED_TO_ANOTHER = failed("UNKNOWN",
      "The command is sealed to a key that the phone does not have any more, or for another operation. Issue it again.");
  static final Outcome INTERRUPTED =
      failed("UNKNOWN", "interrupted: the phone was restarted while it executed the command");
  static final Outcome UNANSWERED =
      failed("UNKNOWN", "interrupted: the phone was restarted while it waited for its user; nothing was done");

  private final String state;
  private final JSONObject status;
  private final String errorCode;
  private final String message;

  private Outcome(String state, JSONObject status, String errorCode, String message) {
    this.state = state;
    this.status = status;
    this.errorCode = errorCode;
    this.message = message;
  }

  public static Outcome done() {
    return done(null);
  }

  /** It is done; `status` is the type's own message. */
  public static Outcome done(JSONObject status) {
    return new Outcome("SUCCEEDED", status, null, null);
  }

  public static Outcome failed(String errorCode, String message) {
    return new Outcome("FAILED", null, errorCode, message);
  }

  /** It did not work, and the type's own message says why. */
  public static Outcome failed(JSONObject status) {
    return new Outcome("FAILED", status, null, null);
  }

  boolean succeeded() {
    return "SUCCEEDED".equals(state);
  }

  JSONObject report() {
    return Json.of("state", state, "status", status, "errorCode", errorCode, "message", message);
  }

  /** The same as a refusal: nothing was executed. */
  JSONObject refusal() {
    return Json.of("status", status, "errorCode", errorCode, "message", message);
  }
}
