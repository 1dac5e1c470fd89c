package org.heliograph.agent.commands;

import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** STOP_LOST_MODE: the phone is found; its lock stays. */
final class StopLostMode implements Command {
  private final LostMode lostMode;

  StopLostMode(LostMode lostMode) {
    this.lostMode = lostMode;
  }

  @Override
  public Outcome objection(JSONObject command) {
    return lostMode.objection();
  }

  @Override
  public JSONObject before(JSONObject command) {
    return Json.of("lost", lostMode.on());
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    if (!lostMode.on()) return Outcome.failed(Json.of("status", "NOT_IN_LOST_MODE"));
    lostMode.stop();
    return Outcome.done(Json.of("status", "SUCCESS"));
  }

  @Override
  public Outcome probe(JSONObject command, JSONObject before) {
    return !lostMode.on() && before.optBoolean("lost") ? Outcome.done(Json.of("status", "SUCCESS")) : null;
  }
}
