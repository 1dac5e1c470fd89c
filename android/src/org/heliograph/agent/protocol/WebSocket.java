package org.heliograph.agent.protocol;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.json.JSONObject;

/** One WebSocket: the thread that awaits news reads for all. */
final class WebSocket implements Channel {
  private static final int NEWER_CONNECTION = 4409;
  private static final int UNREADABLE_FRAMES = 4400;
  private static final String RETRY_AFTER = "retryAfterMs=";

  private final Frames frames;
  private final Random chance;
  private final Keeper keeper;
  private final Map<Long, Reply[]> waiting = new HashMap<>();
  private long lastId;
  private boolean lost;

  private WebSocket(Frames frames, Random chance, Keeper keeper) {
    this.frames = frames;
    this.chance = chance;
    this.keeper = keeper;
  }

  /** @throws NoWebSocket the way to the server does not let a WebSocket through */
  static Maker maker(Line line, Random chance, Keeper keeper) {
    return (credential, hello) -> {
      Frames frames;
      try {
        frames = Frames.open(line, credential);
      } catch (Frames.Denied denied) {
        return new Greeting(denied.reply, null);
      }
      WebSocket channel = new WebSocket(frames, chance, keeper);
      Reply greeted = channel.greet(hello);
      if (greeted.body.has("keepAlive")) frames.allowSilence();
      return new Greeting(greeted, channel);
    };
  }

  /** The way to the server does not let a WebSocket through; plain HTTP may work. */
  static final class NoWebSocket extends IOException {
    NoWebSocket(String why) {
      super(why);
    }
  }

  private Reply greet(JSONObject hello) throws IOException {
    Reply[] answer = ask("hello", hello);
    while (answer[0] == null) take(read());
    return answer[0];
  }

  @Override
  public Reply send(String kind, String operation, JSONObject body) throws IOException, InterruptedException {
    Reply[] answer = ask(kind, operation.isEmpty() ? body : Json.put(Json.copy(body), "operation", operation));
    long until = System.nanoTime() + 1_000_000L * Http.REPLY_WITHIN_MS;
    synchronized (waiting) {
      while (answer[0] == null && !lost) {
        long leftMs = (until - System.nanoTime()) / 1_000_000;
        if (leftMs <= 0) break;
        waiting.wait(leftMs);
      }
      if (answer[0] != null) return answer[0];
      if (!lost) keeper.lost(Long.MAX_VALUE);
    }
    close();
    throw new ConnectionLost("no answer in time", 0);
  }

  @Override
  public Reply next() throws IOException {
    while (true) {
      Reply news = take(read());
      if (news != null) return news;
    }
  }

  @Override
  public boolean needsPings() {
    return true;
  }

  @Override
  public void close() {
    frames.close();
    synchronized (waiting) {
      lost = true;
      waiting.notifyAll();
    }
  }

  private Reply[] ask(String kind, JSONObject body) throws IOException {
    Reply[] answer = new Reply[1];
    long id;
    synchronized (waiting) {
      if (lost) throw new ConnectionLost("not connected", 0);
      id = ++lastId;
      waiting.put(id, answer);
    }
    keeper.sent();
    try {
      frames.send(Json.of("id", id, "kind", kind, "body", body).toString());
    } catch (IOException broken) {
      close();
      throw broken;
    }
    return answer;
  }

  private JSONObject read() throws IOException {
    try {
      JSONObject frame = Http.parsed(frames.next());
      keeper.heard();
      return frame;
    } catch (Frames.Closed closed) {
      close();
      if (closed.code == NEWER_CONNECTION) throw LongPoll.newerConnection(chance);
      throw new ConnectionLost("the connection was closed: " + closed.code, closed.code == UNREADABLE_FRAMES ? 60_000 : retryAfterMs(closed.reason));
    } catch (IOException broken) {
      synchronized (waiting) {
        if (!lost) keeper.lost(Long.MAX_VALUE); // neither this phone nor its server closed it
      }
      close();
      throw broken;
    }
  }

  /** News, or null: an answer, which goes to the thread that waits for it. */
  private Reply take(JSONObject frame) {
    if (frame.has("offer") || frame.has("policy")) return new Reply(200, frame, 0);
    if (frame.has("gone")) return new Reply(Reply.GONE, Json.in(frame, "gone"), 0);
    synchronized (waiting) {
      Reply[] answer = waiting.remove(frame.optLong("replyTo"));
      if (answer != null) answer[0] = new Reply(frame.optInt("status"), Json.in(frame, "body"), frame.optLong("retryAfterMs"));
      waiting.notifyAll();
    }
    return null;
  }

  private static long retryAfterMs(String reason) {
    int at = reason.indexOf(RETRY_AFTER);
    try {
      return at < 0 ? 0 : Long.parseLong(reason.substring(at + RETRY_AFTER.length()).trim());
    } catch (NumberFormatException other) {
      return 0;
    }
  }
}
