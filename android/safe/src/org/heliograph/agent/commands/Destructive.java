package org.heliograph.agent.commands;

import java.util.Map;
import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Outcome;

/** The safe build: what destroys data or takes a phone from its user is not in it, and is refused. */
public final class Destructive {
  private Destructive() {}

  static void add(Map<CommandType, Command> commands, Owner owner, Memory memory) {
    Command refused = new Refused(Outcome.failed("UNSUPPORTED", "the safe build of the agent cannot do this"));
    commands.put(CommandType.RESET_PASSWORD, refused);
    commands.put(CommandType.RELINQUISH_OWNERSHIP, refused);
    commands.put(CommandType.WIPE, refused);
  }

  public static void prepare(Owner owner, Memory memory) {}
}
