package org.heliograph.agent.commands;

import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.json.JSONObject;

/** What START_LOST_MODE and STOP_LOST_MODE have in common: lost mode is to be on, or off, afterwards. */
abstract class LostModeSwitch implements Command {
  final LostMode lostMode;
  private final boolean on;

  LostModeSwitch(LostMode lostMode, boolean on) {
    this.lostMode = lostMode;
    this.on = on;
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
  public Outcome probe(JSONObject command, JSONObject before) {
    return lostMode.on() == on && before.optBoolean("lost") != on ? Outcome.done(Json.of("status", "SUCCESS")) : null;
  }
}
