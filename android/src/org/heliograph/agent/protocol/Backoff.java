package org.heliograph.agent.protocol;

import java.util.Random;

/** Waiting times between attempts: twice as long each time, with jitter, so that a fleet does not come back in the same second. */
final class Backoff {
  private final Random chance;
  private final long firstMs;
  private final long mostMs;
  private long nextMs;

  Backoff(Random chance, long firstMs, long mostMs) {
    this.chance = chance;
    this.firstMs = firstMs;
    this.mostMs = mostMs;
    nextMs = firstMs;
  }

  /** The next waiting time, never less than the server asked for. */
  long nextMs(long askedForMs) {
    long ms = (long) (nextMs * (0.5 + chance.nextDouble() / 2));
    nextMs = Math.min(mostMs, 2 * nextMs);
    return Math.max(ms, askedForMs);
  }

  /** There was an answer. */
  void reset() {
    nextMs = firstMs;
  }
}
