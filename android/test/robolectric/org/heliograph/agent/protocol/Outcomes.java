package org.heliograph.agent.protocol;

import org.json.JSONArray;
import org.json.JSONObject;

/** What a test reads of an outcome. */
public final class Outcomes {
  private Outcomes() {}

  /** "done", the type's status, or the error code; null: no outcome. */
  public static String of(Outcome outcome) {
    if (outcome == null) return null;
    JSONObject report = outcome.report();
    JSONObject status = report.optJSONObject("status");
    if (report.has("errorCode")) return report.optString("errorCode");
    if (status == null) return report.optString("state").equals("SUCCEEDED") ? "done" : report.optString("state");
    return status.has("status") ? status.optString("status") : status.toString();
  }

  /** The type's own message, empty if there is none. */
  public static JSONObject status(Outcome outcome) {
    return Json.in(outcome.report(), "status");
  }

  public static JSONObject command(CommandType type) {
    JSONObject command = Json.of("type", type.name());
    if (type == CommandType.RESET_PASSWORD) Json.put(command, "newPassword", "246813");
    if (type == CommandType.CLEAR_APP_DATA) {
      JSONArray names = new JSONArray().put("com.example.app").put("com.missing");
      Json.put(command, "clearAppsDataParams", Json.of("packageNames", names));
    }
    if (type == CommandType.START_LOST_MODE) {
      Json.put(command, "startLostModeParams", Json.of("lostMessage", Json.of("defaultMessage", "Bring it back")));
    }
    return command;
  }
}
