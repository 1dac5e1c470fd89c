package org.heliograph.agent.commands;

import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Outcome;

/** An eSIM service that is given less time. */
public final class Silence {
  private Silence() {}

  /** The outcome of a request that it has not answered by then. */
  public static Outcome after(long ms, Owner owner) throws InterruptedException {
    Euicc.Answer answer = new Euicc(owner, ms).ask(pending -> {});
    return answer.ok() ? Outcome.done() : answer.failure();
  }
}
