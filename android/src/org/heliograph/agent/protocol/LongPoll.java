package org.heliograph.agent.protocol;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.util.Random;
import org.json.JSONObject;

/** Plain HTTP: one request waits for news while others carry messages; a header ties them together. */
final class LongPoll implements Channel {
  private static final int WAIT_S = 50;
  /** Another holder of the credential is connected: two of them must not take turns in closing each other. */
  static final int NEWER_CONNECTION_MS = 60_000;

  /** Then a WebSocket is tried again: the phone may be in another network. */
  private static final long LIVES_MS = 3_600_000;

  private final Http http;
  private final String credential;
  private final Random chance;
  private final String connection = Hex.random(8);
  private final long bornMs = System.nanoTime() / 1_000_000;
  private volatile HttpURLConnection poll;
  private volatile boolean closed;

  private LongPoll(Http http, String credential, Random chance) {
    this.http = http;
    this.credential = credential;
    this.chance = chance;
  }

  static Maker maker(Http http, Random chance) {
    return (credential, hello) -> {
      LongPoll channel = new LongPoll(http, credential, chance);
      return new Greeting(channel.send("hello", "", hello), channel);
    };
  }

  @Override
  public Reply send(String kind, String operation, JSONObject body) throws IOException {
    if (closed) throw new ConnectionLost("not connected", 0);
    return http.post(operation.isEmpty() ? kind : operation + ":" + kind, body, credential, connection);
  }

  @Override
  public Reply next() throws IOException {
    while (!closed && System.nanoTime() / 1_000_000 - bornMs < LIVES_MS) {
      poll = http.request("commands?wait=" + WAIT_S, credential, connection, 1000 * WAIT_S + Http.REPLY_WITHIN_MS);
      Reply reply = http.ask(poll, null);
      if (closed) break;
      if (reply.status == Reply.CONFLICT) throw newerConnection(chance);
      if (reply.body.has("retryAfterMs")) throw new ConnectionLost("the server is stopping", reply.body.optLong("retryAfterMs"));
      if (!reply.ok() || reply.body.length() > 0) return reply;
    }
    throw new ConnectionLost("not connected", 0);
  }

  @Override
  public void close() {
    closed = true;
    HttpURLConnection underWay = poll;
    if (underWay != null) underWay.disconnect();
  }

  static ConnectionLost newerConnection(Random chance) {
    return new ConnectionLost("a newer connection has taken over", NEWER_CONNECTION_MS + chance.nextInt(NEWER_CONNECTION_MS / 2));
  }
}
