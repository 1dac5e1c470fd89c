package org.heliograph.agent.commands;

import android.os.Build;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Outcome;

/** From which API level on each management mode has a command; NEVER: the mode does not have it. */
public final class Requires {
  static final int NEVER = 0;
  /** The lowest level of this agent. */
  static final int ALWAYS = 24;
  static final Requires NOTHING = new Requires(ALWAYS, ALWAYS, ALWAYS);

  private final int fullyManaged;
  private final int companyOwned;
  private final int personallyOwned;

  Requires(int fullyManaged, int companyOwned, int personallyOwned) {
    this.fullyManaged = fullyManaged;
    this.companyOwned = companyOwned;
    this.personallyOwned = personallyOwned;
  }

  /** The refusal of a phone of this kind, null if mode and level have the command: the mode first, then the level. */
  public Outcome refusal(Owner.Kind kind) {
    int level = kind == Owner.Kind.FULLY_MANAGED ? fullyManaged
        : kind == Owner.Kind.COMPANY_OWNED_WORK_PROFILE ? companyOwned
        : kind == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE ? personallyOwned : NEVER;
    if (level == NEVER) return Outcome.failed("MANAGEMENT_MODE", "not on a device of the kind " + kind);
    if (Build.VERSION.SDK_INT < level) return Outcome.failed("API_LEVEL", "from API level " + level + " on");
    return null;
  }
}
