package org.heliograph.agent.commands;

import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** STOP_LOST_MODE: the phone is found; its lock stays. */
final class StopLostMode extends LostModeSwitch {
  StopLostMode(LostMode lostMode) {
    super(lostMode, false);
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    if (!lostMode.on()) return Outcome.failed(Json.of("status", "NOT_IN_LOST_MODE"));
    lostMode.stop();
    return Outcome.done(Json.of("status", "SUCCESS"));
  }
}
