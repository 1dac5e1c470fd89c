package org.heliograph.agent.commands;

import java.util.EnumMap;
import java.util.Map;
import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;

/** All command types of this phone. */
public final class Commands {
  private Commands() {}

  public static Map<CommandType, Command> of(Owner owner, Memory memory) {
    Map<CommandType, Command> commands = new EnumMap<>(CommandType.class);
    LostMode lostMode = new LostMode(owner, memory);
    Euicc euicc = new Euicc(owner);
    commands.put(CommandType.LOCK, new Lock(owner));
    commands.put(CommandType.REBOOT, new Reboot(owner));
    commands.put(CommandType.CLEAR_APP_DATA, new ClearAppData(owner));
    commands.put(CommandType.START_LOST_MODE, new StartLostMode(lostMode, memory));
    commands.put(CommandType.STOP_LOST_MODE, new StopLostMode(lostMode));
    commands.put(CommandType.ADD_ESIM, new AddEsim(owner, euicc));
    commands.put(CommandType.REMOVE_ESIM, new RemoveEsim(owner, euicc));
    // EuiccManager.getEid demands a permission that only system apps have, and being an owner does not help.
    commands.put(CommandType.REQUEST_DEVICE_INFO, new Refused(Outcome.failed(Json.of("status", "UNSUPPORTED"))));
    Destructive.add(commands, owner, memory);
    return commands;
  }
}
