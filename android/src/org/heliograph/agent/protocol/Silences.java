package org.heliograph.agent.protocol;

import org.json.JSONObject;

/**
 * How long one network lets an idle connection be silent, in whole seconds, as far as the phone has learnt it: grow until lost, step
 * back. The same as src/heliograph/agent/keep_alive.py, which says why; a test plays both the same lives.
 */
final class Silences {
  static final int LEAST_S = 30;
  static final int MOST_S = 900;
  private static final int FIRST_S = 55;
  private static final int NEAR = 8;
  private static final int LOSSES_IN_A_ROW = 2;
  private static final int PATIENCE_FIRST = 16;
  private static final int PATIENCE_MOST = 256;

  /** The longest that the network let pass; 0: nothing is known. */
  final int passedS;
  /** The shortest longer one that it did not; 0: none. */
  final int lostS;
  /** In a row, after the last silence that passed. */
  private final int losses;
  /** Keep-alives in a row that passed, since there was nothing left to try. */
  private final int calm;
  /** So many keep-alives at rest before the shortest that was lost is tried again. */
  private final int patience;

  private Silences(int passedS, int lostS, int losses, int calm, int patience) {
    this.passedS = passedS;
    this.lostS = lostS;
    this.losses = losses;
    this.calm = calm;
    this.patience = patience;
  }

  /** What was kept; an empty object is a network that is not known. */
  static Silences of(JSONObject kept) {
    return new Silences(
        kept.optInt("passedS"), kept.optInt("lostS"), kept.optInt("losses"), kept.optInt("calm"), kept.optInt("patience", PATIENCE_FIRST));
  }

  JSONObject kept() {
    return Json.of("passedS", passedS, "lostS", lostS, "losses", losses, "calm", calm, "patience", patience);
  }

  /** The silence to ask for next. */
  int nextS() {
    int safeS = safeS();
    if (losses > 0) return safeS;
    if (passedS == 0 && lostS == 0) return FIRST_S;
    if (lostS == 0) return Math.min(MOST_S, safeS + Math.max(1, safeS / 2));
    if (!settled()) return (safeS + lostS) / 2;
    return calm >= patience ? lostS : safeS;
  }

  /** This silence was followed by an answer. */
  Silences afterPassed(int silentS) {
    int silence = Math.min(silentS, MOST_S);
    if (silence < safeS()) return this; // shorter ones pass all the more
    boolean better = lostS <= silence;
    Silences learnt = new Silences(silence, better ? 0 : lostS, 0, 0, better ? PATIENCE_FIRST : patience);
    return learnt.settled() ? new Silences(silence, learnt.lostS, 0, calm + 1, learnt.patience) : learnt;
  }

  /** The connection was found lost after this silence, without a word of the server. */
  Silences afterLost(int silentS) {
    int silence = Math.min(silentS, MOST_S);
    if (silence < LEAST_S) return this; // it did not die of silence
    if (silence <= passedS) return doubted(silence);
    boolean again = lostS > 0 && calm >= patience;
    int shortest = lostS == 0 ? silence : Math.min(lostS, silence);
    return new Silences(passedS, shortest, losses + 1, 0, again ? Math.min(2 * patience, PATIENCE_MOST) : patience);
  }

  /** One loss of a silence that used to pass may be a tunnel, two in a row are another network. */
  private Silences doubted(int silence) {
    if (losses + 1 < LOSSES_IN_A_ROW) return new Silences(passedS, lostS, losses + 1, 0, patience);
    int halved = Math.min(passedS / 2, silence - 1);
    return new Silences(halved >= LEAST_S ? halved : 0, silence, 1, 0, PATIENCE_FIRST);
  }

  private int safeS() {
    return Math.max(passedS, LEAST_S);
  }

  private boolean settled() {
    return lostS > 0 && (lostS - safeS()) * NEAR <= safeS();
  }
}
