package org.heliograph.agent.protocol;

import org.json.JSONObject;

/** What the protocol must know of each of AMAPI's command types; src/heliograph/commands has a row of the same name. */
public enum CommandType {
  LOCK(Recovery.UNKNOWN),
  RESET_PASSWORD(Recovery.UNKNOWN, "", "newPassword"),
  REBOOT(Recovery.BOOT_ID),
  RELINQUISH_OWNERSHIP(Recovery.RESUME),
  CLEAR_APP_DATA(Recovery.UNKNOWN),
  START_LOST_MODE(Recovery.PROBE),
  STOP_LOST_MODE(Recovery.PROBE),
  ADD_ESIM(Recovery.PROBE, "addEsimParams", "activationCode"),
  REMOVE_ESIM(Recovery.PROBE),
  REQUEST_DEVICE_INFO(Recovery.UNKNOWN),
  WIPE(Recovery.RESUME);

  /** What a restart in the middle of the execution leaves to report. */
  enum Recovery {
    /** It cannot be seen whether there was an effect. */
    UNKNOWN,
    /** Another boot id is the effect. */
    BOOT_ID,
    /** The phone can look whether the effect is there. */
    PROBE,
    /** Twice is once: carry it out again. */
    RESUME
  }

  final Recovery recovery;
  private final String secretIn;
  private final String secret;

  CommandType(Recovery recovery) {
    this(recovery, "", "");
  }

  CommandType(Recovery recovery, String secretIn, String secret) {
    this.recovery = recovery;
    this.secretIn = secretIn;
    this.secret = secret;
  }

  /** The type of this name, null if this agent does not know it. */
  public static CommandType named(String name) {
    for (CommandType type : values()) {
      if (type.name().equals(name)) return type;
    }
    return null;
  }

  public static CommandType of(JSONObject command) {
    return named(command.optString("type"));
  }

  /** Over for the server when it is acknowledged; the phone then has only this order left. */
  boolean isLastOrder() {
    return recovery == Recovery.RESUME;
  }

  /** The command as it may be written down. */
  JSONObject withoutSecret(JSONObject command) {
    JSONObject copy = Json.copy(command);
    if (!secret.isEmpty()) (secretIn.isEmpty() ? copy : Json.in(copy, secretIn)).remove(secret);
    return copy;
  }
}
