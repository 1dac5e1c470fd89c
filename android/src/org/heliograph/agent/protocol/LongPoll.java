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
  private final Keeper keeper;
  private final String connection = Hex.random(8);
  private final long bornMs = System.nanoTime() / 1_000_000;
  private volatile HttpURLConnection poll;
  private volatile boolean closed;

  private LongPoll(Http http, String credential, Random chance, Keeper keeper) {
    this.http = http;
    this.credential = credential;
    this.chance = chance;
    this.keeper = keeper;
  }

  static Maker maker(Http http, Random chance, Keeper keeper) {
    return (credential, hello) -> {
      LongPoll channel = new LongPoll(http, credential, chance, keeper);
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
      Reply reply = poll();
      if (closed) break;
      if (reply.status == Reply.CONFLICT) throw newerConnection(chance);
      if (reply.body.has("retryAfterMs")) throw new ConnectionLost("the server is stopping", reply.body.optLong("retryAfterMs"));
      if (!reply.ok() || reply.body.length() > 0) return reply;
    }
    throw new ConnectionLost("not connected", 0);
  }

  private Reply poll() throws IOException {
    keeper.begin();
    int waitS = keeper.agreed() ? keeper.wanted().optInt("everyS") : WAIT_S;
    String wait = keeper.agreed() ? "keepAlive=" : "wait=";
    poll = http.request("commands?" + wait + waitS, credential, connection, 1000 * waitS + Http.REPLY_WITHIN_MS);
    try {
      Reply reply = http.ask(poll, null);
      keeper.heard();
      return reply;
    } catch (IOException broken) {
      if (!closed) keeper.lost(1000L * waitS);
      throw broken;
    }
  }

  @Override
  public boolean needsPings() {
    return false;
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
