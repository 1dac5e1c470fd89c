package org.heliograph.agent.commands;

import java.util.Map;
import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.CommandType;

/** What destroys data or takes a phone from its user; the safe build has none of it. */
public final class Destructive {
  private Destructive() {}

  static void add(Map<CommandType, Command> commands, Owner owner, Memory memory) {
    commands.put(CommandType.RESET_PASSWORD, new ResetPassword(owner, memory));
    commands.put(CommandType.RELINQUISH_OWNERSHIP, new RelinquishOwnership(owner, memory));
    commands.put(CommandType.WIPE, new Wipe(owner));
  }

  /** Once, before the first command: on a phone without a lock the token is usable at once. */
  public static void prepare(Owner owner, Memory memory) {
    new ResetPassword(owner, memory).prepareToken();
  }
}
