package org.heliograph.agent.protocol;

import org.json.JSONObject;

/** The networks that a phone is in, one after the other, and what it has learnt of each. This stays on the phone. */
public interface Networks {
  /** Time since the phone was started, sleep included. */
  long elapsedMs();

  /** The network that the phone is in now, by an id that it has next time too. */
  String current();

  /** What was kept of this network, empty at first. */
  JSONObject known(String network);

  /** Keep this of it. */
  void keep(String network, JSONObject silences);
}
