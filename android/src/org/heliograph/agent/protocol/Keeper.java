package org.heliograph.agent.protocol;

import org.json.JSONObject;

/** Watches how long the agent's connection is silent, and learns from what comes after. */
final class Keeper {
  private final Networks networks;
  /** The network that the connection was made in. */
  private String over = "";
  private long spokeMs;
  /** The silence before a message that is not answered yet; -1: all are. */
  private long beforeMs = -1;
  /** What holds on this connection; 0: what holds for phones that ask for nothing. */
  private int agreedS;

  Keeper(Networks networks) {
    this.networks = networks;
  }

  /** A connection is being made, in the network that the phone is in now; what to ask for on it. */
  synchronized JSONObject connecting() {
    over = networks.current();
    agreedS = 0;
    begin();
    return wanted();
  }

  /** The server's answer says what holds; absent: nothing new. */
  synchronized void agree(JSONObject keepAlive) {
    if (keepAlive != null) agreedS = keepAlive.optInt("everyS");
  }

  synchronized boolean agreed() {
    return agreedS > 0;
  }

  /** What to ask for with the next message, which will have an answer if the silence before it passes. */
  synchronized JSONObject wanted() {
    return Json.of("everyS", known().afterPassed(seconds(silentMs())).nextS());
  }

  /** When the connection needs its next word; nothing agreed: not at all. */
  synchronized long dueInMs() {
    return agreedS == 0 ? Long.MAX_VALUE : Math.max(0, 1000L * agreedS - silentMs());
  }

  synchronized long agreedMs() {
    return 1000L * agreedS;
  }

  /** A silence begins. */
  synchronized void begin() {
    spokeMs = networks.elapsedMs();
    beforeMs = -1;
  }

  /** The phone has said something that is answered at once. */
  synchronized void sent() {
    if (beforeMs < 0) beforeMs = silentMs();
    spokeMs = networks.elapsedMs();
  }

  /** The connection has brought something: the silence before it has passed. */
  synchronized void heard() {
    int silentS = seconds(beforeMs < 0 ? silentMs() : beforeMs);
    begin();
    if (agreed()) learn(known().afterPassed(silentS));
  }

  /** The connection was found lost, without a word of the server, which was due `atMostMs` after the silence began. */
  synchronized void lost(long atMostMs) {
    int silentS = seconds(Math.min(atMostMs, beforeMs < 0 ? silentMs() : beforeMs));
    begin();
    // In another network it was the phone that went away.
    if (agreed() && networks.current().equals(over)) learn(known().afterLost(silentS));
  }

  private long silentMs() {
    return networks.elapsedMs() - spokeMs;
  }

  private Silences known() {
    return Silences.of(networks.known(over));
  }

  private void learn(Silences silences) {
    String kept = silences.kept().toString();
    if (!kept.equals(known().kept().toString())) networks.keep(over, silences.kept());
  }

  private static int seconds(long ms) {
    return (int) Math.min(Silences.MOST_S, ms / 1000);
  }
}
