package org.heliograph.agent.commands;

import android.os.Build;
import java.util.EnumMap;
import java.util.Map;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Outcome;

/** From which API level on each management mode has a command type; NEVER: the mode does not have it. */
public final class Requires {
  private static final int NEVER = 0;
  /** The lowest level of this agent. */
  private static final int ALWAYS = 24;

  /** By Owner.Kind; what no one owns has no command. */
  private static final Map<CommandType, int[]> LEVELS = new EnumMap<>(CommandType.class);

  static {
    // fully managed, company-owned work profile, personally-owned work profile
    row(CommandType.LOCK, ALWAYS, ALWAYS, ALWAYS);
    row(CommandType.RESET_PASSWORD, ALWAYS, ALWAYS, ALWAYS);
    row(CommandType.REBOOT, ALWAYS, NEVER, NEVER);
    // Company-owned work profiles of Android 8 to 10 have an owner on either side: one app cannot be both.
    row(CommandType.RELINQUISH_OWNERSHIP, NEVER, 30, NEVER);
    row(CommandType.CLEAR_APP_DATA, ALWAYS, ALWAYS, ALWAYS);
    row(CommandType.START_LOST_MODE, 30, 33, NEVER);
    row(CommandType.STOP_LOST_MODE, 30, 33, NEVER);
    row(CommandType.ADD_ESIM, 35, 35, 35);
    row(CommandType.REMOVE_ESIM, 35, 35, 35);
    row(CommandType.REQUEST_DEVICE_INFO, NEVER, NEVER, 33);
    row(CommandType.WIPE, ALWAYS, 30, ALWAYS);
  }

  private Requires() {}

  /** The refusal of a phone of this kind, null if mode and level have the command: the mode first, then the level. */
  public static Outcome refusal(CommandType type, Owner.Kind kind) {
    int level = LEVELS.get(type)[kind.ordinal()];
    if (level == NEVER) return Outcome.failed("MANAGEMENT_MODE", "not on a device of the kind " + kind);
    if (Build.VERSION.SDK_INT < level) return Outcome.failed("API_LEVEL", "from API level " + level + " on");
    return null;
  }

  private static void row(CommandType type, int fullyManaged, int companyOwned, int personallyOwned) {
    LEVELS.put(type, new int[] {fullyManaged, companyOwned, personallyOwned, NEVER});
  }
}
