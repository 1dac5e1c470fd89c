package org.heliograph.agent.commands;

import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** REQUEST_DEVICE_INFO: EuiccManager.getEid demands a permission that only system apps have, and being an owner does not help. */
final class RequestDeviceInfo implements Command {
  @Override
  public Requires requires() {
    return new Requires(Requires.NEVER, Requires.NEVER, 33);
  }

  @Override
  public Outcome objection(JSONObject command) {
    return Outcome.failed(Json.of("status", "UNSUPPORTED"));
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    return objection(command);
  }
}
