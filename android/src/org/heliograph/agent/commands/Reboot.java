package org.heliograph.agent.commands;

import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** REBOOT. Its success is reported by the next life of the agent, which finds another boot id. */
final class Reboot implements Command {
  /** A phone that was ordered to restart is down long before. */
  private static final long DOWN_WITHIN_MS = 5 * 60_000;

  private final Owner owner;

  Reboot(Owner owner) {
    this.owner = owner;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) throws InterruptedException {
    owner.policy.reboot(owner.admin); // IllegalStateException during a call
    Thread.sleep(DOWN_WITHIN_MS);
    return Outcome.failed("UNKNOWN", "the system took the order and did not restart");
  }
}
