package org.heliograph.agent.commands;

import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/**
 * LOCK. A work profile with a lock of its own is locked alone, as AMAPI wants it, else the device.
 * Without a password the screen only goes dark.
 */
final class Lock implements Command {
  private final Owner owner;

  Lock(Owner owner) {
    this.owner = owner;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    owner.lock();
    return Outcome.done();
  }
}
