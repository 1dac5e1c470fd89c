package org.heliograph.agent.commands;

import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** A type that this build of the agent cannot do, whatever the phone is. */
final class Refused implements Command {
  private final Outcome why;

  Refused(Outcome why) {
    this.why = why;
  }

  @Override
  public Outcome objection(JSONObject command) {
    return why;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    throw new IllegalStateException("refused");
  }
}
