package org.heliograph.agent.commands;

import java.util.concurrent.TimeUnit;
import org.heliograph.agent.Memory;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** START_LOST_MODE, an imitation: see LostMode. */
final class StartLostMode extends LostModeSwitch {
  /** AMAPI's lost mode guide: the user may not know the new password yet. */
  private static final long AFTER_RESET_MS = TimeUnit.HOURS.toMillis(12);

  private final Memory memory;

  StartLostMode(LostMode lostMode, Memory memory) {
    super(lostMode, true);
    this.memory = memory;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    if (lostMode.on()) return Outcome.done(Json.of("status", "ALREADY_IN_LOST_MODE"));
    String reset = memory.get(Memory.LAST_RESET_MS);
    long since = reset.isEmpty() ? AFTER_RESET_MS : System.currentTimeMillis() - Long.parseLong(reset);
    if (since >= 0 && since < AFTER_RESET_MS) return Outcome.failed(Json.of("status", "RESET_PASSWORD_RECENTLY"));
    lostMode.start(Json.in(command, "startLostModeParams"));
    return Outcome.done(Json.of("status", "SUCCESS"));
  }
}
