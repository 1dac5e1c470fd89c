package org.heliograph.agent.protocol;

import java.io.IOException;
import org.json.JSONObject;

/** A WebSocket if the way to the server lets one through, else long polls; the WebSocket is tried again after a while. */
final class EitherWay implements Channel.Maker {
  private static final long TRIED_AGAIN_AFTER_MS = 15 * 60_000;
  /** A server that was stopped between handshake and hello looks like a proxy that lets nothing through: once is no proof. */
  private static final int SILENCES_ARE_PROOF = 2;

  private final Channel.Maker webSocket;
  private final Channel.Maker longPoll;
  private int silences;
  private boolean polls;
  private long pollsSinceMs;

  EitherWay(Channel.Maker webSocket, Channel.Maker longPoll) {
    this.webSocket = webSocket;
    this.longPoll = longPoll;
  }

  @Override
  public Channel.Greeting greet(String credential, JSONObject hello) throws IOException, InterruptedException {
    if (polls && nowMs() - pollsSinceMs < TRIED_AGAIN_AFTER_MS) return longPoll.greet(credential, hello);
    try {
      Channel.Greeting greeting = webSocket.greet(credential, hello);
      silences = 0;
      polls = false;
      return greeting;
    } catch (WebSocket.NoWebSocket noWay) {
      polls = true;
    } catch (IOException silent) {
      polls = ++silences >= SILENCES_ARE_PROOF;
      if (!polls) throw silent;
    }
    pollsSinceMs = nowMs();
    return longPoll.greet(credential, hello);
  }

  private static long nowMs() {
    return System.nanoTime() / 1_000_000;
  }
}
