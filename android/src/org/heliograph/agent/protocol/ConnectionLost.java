package org.heliograph.agent.protocol;

import java.io.IOException;

/** No answer came; whether the server heard the message is unknown. */
final class ConnectionLost extends IOException {
  /** Before this time is over the server does not want to be called again. */
  final long retryAfterMs;

  ConnectionLost(String why, long retryAfterMs) {
    super(why);
    this.retryAfterMs = retryAfterMs;
  }
}
