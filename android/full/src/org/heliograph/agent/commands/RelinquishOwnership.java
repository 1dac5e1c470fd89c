package org.heliograph.agent.commands;

import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.PasswordRules;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** RELINQUISH_OWNERSHIP: what this agent restricts is undone, then the company's work profile goes; the personal side stays. */
final class RelinquishOwnership implements Command {
  private final Owner owner;
  private final Memory memory;

  RelinquishOwnership(Owner owner, Memory memory) {
    this.owner = owner;
    this.memory = memory;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    new PasswordRules(owner).lift();
    memory.put(Memory.LOST, "");
    owner.policy.wipeData(0); // not the parent's: that would reset the whole device
    return Outcome.done();
  }
}
