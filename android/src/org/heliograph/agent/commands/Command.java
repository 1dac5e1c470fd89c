package org.heliograph.agent.commands;

import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** One of AMAPI's command types on this phone. Methods get the whole command; `probe` gets it without its secret. */
public interface Command {
  /** Why this phone cannot do it although mode and level have it; null if it can. */
  default Outcome objection(JSONObject command) {
    return null;
  }

  /** What must be known to see afterwards whether it took effect. */
  default JSONObject before(JSONObject command) {
    return new JSONObject();
  }

  /** How it ended. A SecurityException says that the app is not the owner it would have to be. */
  Outcome execute(JSONObject command, Phone.Execution execution) throws InterruptedException;

  /** How an interrupted one ended, as far as it can be seen; null: it cannot. */
  default Outcome probe(JSONObject command, JSONObject before) {
    return null;
  }
}
