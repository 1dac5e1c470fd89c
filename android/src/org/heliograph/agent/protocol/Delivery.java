package org.heliograph.agent.protocol;

import java.io.IOException;
import java.util.Random;
import org.json.JSONObject;

/** Brings an agent's messages to its server, however often the connection breaks; knows when the phone's being managed has ended. */
final class Delivery {
  private final Line line;
  private final Random chance;
  private Channel channel;
  private JSONObject lastOrder;
  private Throwable failure;
  /** Rises whenever those who wait to try again may do so at once. */
  private int goOns;

  Delivery(Line line, Random chance) {
    this.line = line;
    this.chance = chance;
  }

  /** The server has greeted this phone on the channel. */
  synchronized void connected(Channel channel) {
    this.channel = channel;
    goOn();
  }

  /** The connection is lost, and closed. */
  synchronized void disconnected() {
    if (channel != null) channel.close();
    channel = null;
  }

  /** This connection is lost: what is to be sent waits for another. */
  synchronized void lost(Channel gone) {
    if (channel == gone) channel = null;
  }

  /** The way to the server is free again: what waits to try again does so now. */
  synchronized void goOn() {
    goOns++;
    notifyAll();
  }

  /** Management has ended: only this order is left. The first one counts. */
  synchronized void end(JSONObject order) {
    if (lastOrder == null) lastOrder = order;
    disconnected();
    goOn();
  }

  /** The agent cannot go on (its disk is full). */
  synchronized void fail(Throwable error) {
    if (failure == null) failure = error;
    disconnected();
    goOn();
  }

  /** The last order, null while the phone is managed. */
  synchronized JSONObject lastOrder() throws IOException {
    if (failure != null) throw new IOException(failure);
    return lastOrder;
  }

  /** What the server answers to the message, which is repeated until an answer counts: a 2xx, or a 4xx that is the message's own. */
  Reply deliver(String kind, String operation, JSONObject body) throws InterruptedException {
    Backoff backoff = backoff();
    while (true) {
      Channel over = whileConnected();
      long retryAfterMs = 0;
      try {
        Reply reply = over.send(kind, operation, body);
        if (reply.status == Reply.GONE) end(Json.in(reply.body, "lastOrder"));
        else if (reply.status == Reply.UNKNOWN_CREDENTIAL) over.close(); // answered by hello
        else if (!reply.tryAgain()) return reply;
        retryAfterMs = reply.retryAfterMs;
      } catch (ConnectionLost lost) {
        retryAfterMs = lost.retryAfterMs;
      } catch (IOException silence) {
        // nothing is known: the same again
      }
      pause(backoff.nextMs(retryAfterMs));
    }
  }

  /** Returns after this time, or when `goOn` is called. */
  synchronized void pause(long ms) throws InterruptedException {
    pause(ms, goOns);
  }

  /** How often `goOn` was called. */
  synchronized int goOns() {
    return goOns;
  }

  /** Returns after this time, or when `goOn` was called more often than `before`. */
  synchronized void pause(long ms, int before) throws InterruptedException {
    long until = System.nanoTime() + 1_000_000 * ms;
    while (before == goOns) {
      long leftMs = (until - System.nanoTime()) / 1_000_000;
      if (leftMs <= 0) return;
      wait(leftMs);
    }
  }

  /** The same, but at once when management has ended or the agent cannot go on. */
  synchronized void pauseWhileManaged(long ms) throws InterruptedException {
    if (lastOrder == null && failure == null) pause(ms);
  }

  Backoff backoff() {
    return new Backoff(chance, line.backoffFirstMs, line.backoffMostMs);
  }

  /** For a phone that its server does not know. */
  Backoff backoffOfUnknown() {
    return new Backoff(chance, line.unknownFirstMs, line.unknownMostMs);
  }

  /** The connection, once there is one. */
  synchronized Channel whileConnected() throws InterruptedException {
    while (channel == null) {
      if (lastOrder != null || failure != null) throw new InterruptedException("the phone is managed no more");
      wait();
    }
    return channel;
  }
}
