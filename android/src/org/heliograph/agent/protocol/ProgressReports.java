package org.heliograph.agent.protocol;

import java.io.IOException;
import org.json.JSONObject;

/** Reports to the server how far a command is: the newest status, at most once a second, numbered so that no report overtakes another. */
final class ProgressReports {
  private static final long EVERY_MS = 1_000;
  /** Numbers that one line of the journal reserves, so that progress does not cost a line each. */
  private static final int RESERVE = 32;

  private final Journal journal;
  private final Delivery delivery;
  private final String operation;
  private int seq;
  private int reserved;
  private JSONObject newest;
  private Thread reporter;

  ProgressReports(Journal journal, Delivery delivery, String operation) {
    this.journal = journal;
    this.delivery = delivery;
    this.operation = operation;
  }

  /** Every number that an agent before a restart may have used is used. */
  synchronized void goOnFrom(int seq) {
    this.seq = reserved = seq;
  }

  /** A number that no report had before. */
  synchronized int nextSeq() {
    return ++seq;
  }

  /** The server gets this status soon, unless a newer one comes first. */
  synchronized void report(JSONObject status) {
    newest = status;
    if (reporter == null) {
      reporter = new Thread(this::keepReporting, "progress");
      reporter.start();
    }
  }

  /** The answer to the question that says that the user is being asked. */
  Reply ask(JSONObject status) throws InterruptedException {
    synchronized (this) {
      newest = null; // older than this one
    }
    return send(status, true);
  }

  /** Nothing more is reported. */
  synchronized void stop() {
    if (reporter != null) reporter.interrupt();
    newest = null;
  }

  private void keepReporting() {
    try {
      while (true) {
        JSONObject status;
        synchronized (this) {
          status = newest;
          newest = null;
          if (status == null) {
            reporter = null;
            return;
          }
        }
        send(status, false);
        Thread.sleep(EVERY_MS);
      }
    } catch (InterruptedException stopped) {
      Thread.currentThread().interrupt();
    }
  }

  private Reply send(JSONObject status, boolean asksUser) throws InterruptedException {
    int number = nextSeq();
    reserve(number);
    return delivery.deliver("report", operation, Json.of(
        "ackId", journal.entry(operation).optString("ackId"), "seq", number, "state", "PROGRESS", "status", status,
        "asksUser", asksUser ? true : null));
  }

  private synchronized void reserve(int number) throws InterruptedException {
    if (number <= reserved) return;
    reserved = number + RESERVE;
    write("seq", reserved);
  }

  /** This stands in the operation's entry of the journal; else the agent ends. */
  void write(String name, Object value) throws InterruptedException {
    try {
      journal.put(operation, name, value);
    } catch (IOException broken) {
      delivery.fail(broken);
      throw new InterruptedException("the journal cannot be written");
    }
  }
}
