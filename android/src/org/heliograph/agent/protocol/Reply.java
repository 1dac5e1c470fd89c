package org.heliograph.agent.protocol;

import org.json.JSONObject;

/** What the server answered: an HTTP status, over WebSocket too, and a JSON body. */
public final class Reply {
  static final int BAD_REQUEST = 400;
  static final int UNKNOWN_CREDENTIAL = 401;
  static final int REQUEST_TIMEOUT = 408;
  static final int CONFLICT = 409;
  static final int GONE = 410;
  static final int TOO_MANY_REQUESTS = 429;

  final int status;
  final JSONObject body;
  /** Before this time is over the server does not want to be asked again. */
  final long retryAfterMs;

  Reply(int status, JSONObject body, long retryAfterMs) {
    this.status = status;
    this.body = body;
    this.retryAfterMs = retryAfterMs;
  }

  boolean ok() {
    return status >= 200 && status < 300;
  }

  /** Whether the same message may find a better answer later. */
  boolean tryAgain() {
    return status == REQUEST_TIMEOUT || status == TOO_MANY_REQUESTS || status >= 500;
  }

  /** The error's text for people, in Google's form. */
  String message() {
    JSONObject error = body.optJSONObject("error");
    return error == null ? "the server answers " + status : error.optString("message");
  }
}
