package org.heliograph.agent.commands;

import java.util.Map;
import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** The safe build: what destroys data or takes a phone from its user is not in it, and is refused. */
public final class Destructive {
  private Destructive() {}

  static void add(Map<CommandType, Command> commands, Owner owner, Memory memory) {
    commands.put(CommandType.RESET_PASSWORD, new Refused(Requires.NOTHING));
    commands.put(CommandType.RELINQUISH_OWNERSHIP, new Refused(new Requires(Requires.NEVER, 30, Requires.NEVER)));
    commands.put(CommandType.WIPE, new Refused(new Requires(Requires.ALWAYS, 30, Requires.ALWAYS)));
  }

  public static void prepare(Owner owner, Memory memory) {}

  private static final class Refused implements Command {
    private final Requires requires;

    Refused(Requires requires) {
      this.requires = requires;
    }

    @Override
    public Requires requires() {
      return requires;
    }

    @Override
    public Outcome objection(JSONObject command) {
      return Outcome.failed("UNSUPPORTED", "the safe build of the agent cannot do this");
    }

    @Override
    public Outcome execute(JSONObject command, Phone.Execution execution) {
      throw new IllegalStateException("refused");
    }
  }
}
