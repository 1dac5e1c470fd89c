package org.heliograph.agent.protocol;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * A phone's agent: enrols, stays connected, and sees each command through, over restarts and lost answers (docs/device-protocol.md).
 * It may be killed at any moment; the next one continues from the same journal.
 */
public final class Agent {
  private static final int VERSION = 1;
  private static final long LOOKS_AGAIN_AFTER_MS = 15 * 60_000L;
  private static final long REPORT_AT_LEAST_EVERY_MS = 20 * 3_600_000L;

  final Journal journal;
  final Phone phone;
  final Delivery delivery;
  private final Events events;
  private final Http http;
  private final Keeper keeper;
  private final Channel.Maker way;
  private final Random chance = new Random();
  private final Map<String, Thread> threads = new HashMap<>();
  /** Guards `heard`; what comes later is adopted later. */
  private final Object adopting = new Object();
  /** How many policies hello's answers and news have brought. */
  private int heard;
  /** One status report at a time. */
  private final Object reporting = new Object();
  private String reported = "";
  /** Guards `changed`; never held while a message is under way. */
  private final Object changes = new Object();
  private boolean changed;
  private Thread main;
  private boolean dead;

  /** What those who watch an agent learn of it. */
  public interface Events extends Moment.Watch {
    /** Whether the server has greeted this phone and the connection stands. */
    void connection(boolean stands);

    /** The connection is silent until then, and then needs a word: the phone is to be awake. */
    void wakeWithin(long ms);

    /** The server says that it does not know this phone, or does not speak with this agent. */
    void notKnown(String why);

    /** A line for the log; holds no secret. */
    void log(String line);
  }

  /** The server does not accept this phone; the message says why. */
  public static final class EnrolmentRefused extends Exception {
    EnrolmentRefused(String why) {
      super(why);
    }
  }

  /** The phone does not do what its last order says, so it neither does nor confirms it. */
  public static final class OrderRefused extends Exception {
    OrderRefused(String why) {
      super(why);
    }
  }

  public Agent(Line line, Journal journal, Phone phone, Events events) {
    this(line, journal, phone, events, "");
  }

  /** `channel`: "websocket" or "long-poll", empty for whichever works. */
  public Agent(Line line, Journal journal, Phone phone, Events events, String channel) {
    this.journal = journal;
    this.phone = phone;
    this.events = events;
    delivery = new Delivery(line, chance);
    http = new Http(line);
    keeper = new Keeper(phone.networks());
    Channel.Maker webSocket = WebSocket.maker(line, chance, keeper);
    Channel.Maker longPoll = LongPoll.maker(http, chance, keeper);
    way = channel.equals("websocket") ? webSocket : channel.equals("long-poll") ? longPoll : new EitherWay(webSocket, longPoll);
  }

  /** The device's name. The phone makes its credential itself; asked again, it asks with the same one. */
  public String enroll(String token) throws EnrolmentRefused, IOException, InterruptedException {
    if (journal.credential().isEmpty()) journal.identify(Hex.random(32), Hex.random(16), "");
    JSONObject enroll = Json.of("enrollmentToken", token, "installationId", journal.installationId(),
        "credentialHash", Hex.sha256(journal.credential().getBytes(Json.UTF_8)), "serial", phone.serial(), "report", phone.report(),
        "evidence", CommandRun.evidence(new JSONObject(), phone.lookAtEnrolment()), "publicKey", phone.openingKey().shown());
    Reply reply = insist("enroll", enroll, "");
    if (!reply.ok()) {
      journal.forget(); // a new token deserves a new credential
      throw new EnrolmentRefused(reply.message());
    }
    journal.identify(journal.credential(), journal.installationId(), reply.body.optString("name"));
    return journal.name();
  }

  /** Returns when the phone is no longer managed: its last order is carried out and confirmed, its credential forgotten. */
  public void run() throws OrderRefused, IOException, InterruptedException {
    synchronized (threads) {
      main = Thread.currentThread();
    }
    try {
      JSONObject last = journal.finalOrder();
      if (last == null) {
        JSONObject order = serve();
        journal.order(order, false);
        pass(Moment.ORDERED, order.optString("operation"));
        last = journal.finalOrder();
      }
      obey(Json.in(last, "order"), last.optBoolean("carriedOut"));
    } finally {
      synchronized (threads) {
        main = null;
      }
      kill();
    }
  }

  /** Nothing more is done: no line journalled, no message sent, no effect begun. */
  public void kill() {
    synchronized (threads) {
      dead = true;
      for (Thread thread : threads.values()) thread.interrupt();
      if (main != null) main.interrupt();
    }
    journal.close();
    delivery.disconnected();
  }

  /** The phone's facts may have changed; if so, the server gets them. */
  public void factsChanged() {
    synchronized (changes) {
      changed = true;
      changes.notifyAll();
    }
  }

  /** There is another network: the old connection is dead, and the server is called at once. */
  public void networkChanged() {
    delivery.disconnected();
    delivery.goOn();
  }

  /** The phone was woken: what waits to try again does so now. */
  public void wake() {
    delivery.goOn();
  }

  void pass(Moment moment, String operation) throws InterruptedException {
    events.pass(moment, operation);
    synchronized (threads) {
      if (dead) throw new InterruptedException("the agent was stopped");
    }
  }

  /** Why this phone cannot execute the command at all, null if it can. */
  Outcome refusal(JSONObject command) {
    return CommandType.of(command) == null ? Outcome.NOT_KNOWN : phone.refusal(command);
  }

  void log(String line) {
    events.log(line);
  }

  /** The server knows the phone's facts. */
  void reportStatus() throws InterruptedException {
    synchronized (reporting) {
      JSONObject report = phone.report();
      if (report.toString().equals(reported)) return;
      int before = heard();
      Reply reply = delivery.deliver("status", "", Json.of("report", report));
      if (!reply.ok() || adoptedUnlessOvertaken(reply.body, before)) reported = report.toString();
      if (reply.ok()) factsChanged(); // the policy may be another one, or is yet to be asked for again
    }
  }

  private int heard() {
    synchronized (adopting) {
      return heard;
    }
  }

  private void adopt(JSONObject policy) {
    synchronized (adopting) {
      heard++;
      phone.adopt(policy);
    }
  }

  /** If something was heard since `before`, it may be newer than this answer, which is then left unread. */
  private boolean adoptedUnlessOvertaken(JSONObject answer, int before) {
    synchronized (adopting) {
      if (heard != before) return false;
      phone.adopt(answer);
      return true;
    }
  }

  /** The last order, once there is one; until then every command is seen through. */
  private JSONObject serve() throws IOException, InterruptedException {
    for (JSONObject entry : journal.entries()) take(entry.optString("operation"), null);
    start("status", this::reportChanges);
    start("keep-alive", this::keepOpen);
    Backoff backoff = delivery.backoff();
    Backoff unknown = delivery.backoffOfUnknown();
    while (delivery.lastOrder() == null) {
      long waitMs;
      try {
        Channel channel = greeted(backoff, unknown);
        waitMs = channel == null ? unknown.nextMs(0) : takeNews(channel);
      } catch (ConnectionLost lost) {
        waitMs = backoff.nextMs(lost.retryAfterMs);
      } catch (IOException silence) {
        waitMs = backoff.nextMs(0);
      }
      delivery.disconnected();
      events.connection(false);
      delivery.pauseWhileManaged(waitMs);
    }
    return delivery.lastOrder();
  }

  /** The connection on which the server has greeted this phone; null if it does not know it. */
  private Channel greeted(Backoff backoff, Backoff unknown) throws IOException, InterruptedException {
    Channel.Greeting greeting = way.greet(journal.credential(), hello());
    Reply reply = greeting.reply;
    if (!reply.ok()) {
      if (greeting.channel != null) greeting.channel.close();
      if (reply.status == Reply.GONE) delivery.end(Json.in(reply.body, "lastOrder"));
      boolean asksAgainLater = reply.status == Reply.UNKNOWN_CREDENTIAL || reply.status == Reply.BAD_REQUEST;
      if (!asksAgainLater) throw new ConnectionLost("hello was answered " + reply.status, reply.retryAfterMs);
      events.notKnown(reply.message());
      return null;
    }
    backoff.reset();
    unknown.reset();
    adopt(reply.body);
    keeper.agree(reply.body.optJSONObject("keepAlive"));
    if (keeper.agreed()) events.wakeWithin(keeper.agreedMs());
    delivery.connected(greeting.channel);
    events.connection(true);
    factsChanged();
    return greeting.channel;
  }

  private JSONObject hello() {
    return Json.of("inFlight", journal.inFlight(), "publicKey", phone.openingKey().shown(), "protocolVersions", new JSONArray().put(VERSION),
        "keepAlive", keeper.connecting());
  }

  /** A connection that has been silent for as long as was agreed gets a ping; one that does not answer it is closed. */
  private void keepOpen() throws InterruptedException {
    while (true) {
      Channel channel = delivery.whileConnected();
      int before = delivery.goOns(); // who is woken from now on does not pause
      long waitMs = channel.needsPings() ? keeper.dueInMs() : Long.MAX_VALUE;
      if (waitMs > 0) {
        delivery.pause(Math.min(waitMs, LOOKS_AGAIN_AFTER_MS), before); // ended by another connection, and when the phone is woken
        continue;
      }
      try {
        Reply reply = channel.send("ping", "", Json.of("keepAlive", keeper.wanted()));
        if (reply.status == Reply.GONE) delivery.end(Json.in(reply.body, "lastOrder"));
        if (reply.status == Reply.UNKNOWN_CREDENTIAL) channel.close(); // answered by hello
        if (reply.ok()) keeper.agree(reply.body.optJSONObject("keepAlive"));
        events.wakeWithin(keeper.agreedMs());
      } catch (IOException lost) {
        channel.close();
        delivery.lost(channel);
      }
    }
  }

  private long takeNews(Channel channel) throws IOException, InterruptedException {
    while (true) {
      Reply news = channel.next();
      if (news.status == Reply.GONE) {
        delivery.end(Json.in(news.body, "lastOrder"));
        return 0;
      }
      if (!news.ok()) throw new ConnectionLost("instead of news: " + news.status, news.retryAfterMs);
      if (news.body.has("policy")) {
        adopt(Json.in(news.body, "policy"));
        factsChanged();
      }
      JSONObject offer = news.body.optJSONObject("offer");
      if (offer != null) take(offer.optString("operation"), offer);
    }
  }

  /** The offered command is begun, or what the journal knows of it continued, unless it is in progress. */
  private void take(String operation, JSONObject offer) {
    CommandRun run = new CommandRun(this, operation);
    start(operation, () -> {
      if (journal.entry(operation) != null) run.resume();
      else run.begin(offer);
    });
  }

  private interface Work {
    void work() throws IOException, InterruptedException;
  }

  private void start(String name, Work work) {
    synchronized (threads) {
      if (dead || threads.containsKey(name)) return;
      Thread thread = new Thread(() -> {
        try {
          work.work();
        } catch (InterruptedException stopped) {
          Thread.currentThread().interrupt();
        } catch (IOException | RuntimeException error) {
          delivery.fail(error);
        } finally {
          synchronized (threads) {
            threads.remove(name);
          }
        }
      }, name);
      threads.put(name, thread);
      thread.start();
    }
  }

  private void reportChanges() throws InterruptedException {
    while (true) {
      boolean news;
      synchronized (changes) {
        if (!changed) changes.wait(REPORT_AT_LEAST_EVERY_MS);
        news = changed;
        changed = false;
      }
      if (!news) {
        synchronized (reporting) {
          reported = ""; // a day without news is news
        }
      }
      reportStatus();
    }
  }

  /** Carries the last order out once, confirms it, then forgets the credential. */
  private void obey(JSONObject order, boolean carriedOut) throws OrderRefused, IOException, InterruptedException {
    String operation = order.optString("operation");
    Backoff backoff = delivery.backoffOfUnknown();
    while (!carriedOut) {
      JSONObject command = Json.put(Json.copy(Json.in(order, "command")), "type", order.optString("type"));
      Outcome refusal = refusal(command);
      if (refusal != null) throw new OrderRefused(order.optString("type") + ": " + refusal.refusal());
      try {
        phone.carryOut(command);
        carriedOut = true;
      } catch (RuntimeException prevented) {
        log("the last order was not carried out, it is tried again: " + prevented);
        delivery.pause(backoff.nextMs(0));
      }
    }
    journal.order(order, true);
    pass(Moment.CARRIED_OUT, operation);
    insist("orderCarriedOut", new JSONObject(), journal.credential()); // any answer will do
    journal.forget();
    pass(Moment.FORGOTTEN, operation);
  }

  /** The answer to a message that needs no connection, asked for until it comes. */
  private Reply insist(String kind, JSONObject body, String credential) throws InterruptedException {
    Backoff backoff = delivery.backoff();
    while (true) {
      long retryAfterMs = 0;
      try {
        Reply reply = http.post(kind, body, credential, "");
        if (!reply.tryAgain()) return reply;
        retryAfterMs = reply.retryAfterMs;
      } catch (IOException silence) {
        // nothing is known: the same again
      }
      delivery.pause(backoff.nextMs(retryAfterMs));
    }
  }
}
