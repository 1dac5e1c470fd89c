package org.heliograph.agent.protocol;

import java.io.IOException;
import java.security.GeneralSecurityException;
import org.json.JSONObject;

/** The course of one command: refuse, or acknowledge, execute, report; each step is journalled before it is taken. */
final class CommandRun {
  private final Agent agent;
  private final Journal journal;
  private final Delivery delivery;
  private final Phone phone;
  private final String operation;
  private final ProgressReports progress;

  CommandRun(Agent agent, String operation) {
    this.agent = agent;
    this.operation = operation;
    journal = agent.journal;
    delivery = agent.delivery;
    phone = agent.phone;
    progress = new ProgressReports(journal, delivery, operation);
  }

  /** The offered command is refused, or executed and reported, or dropped as the server says. */
  void begin(JSONObject offer) throws IOException, InterruptedException {
    JSONObject command = null;
    Outcome refusal;
    try {
      command = OpeningKey.commandIn(offer, operation, phone.openingKey());
      refusal = command == null ? Outcome.NOT_KNOWN : agent.refusal(command);
    } catch (GeneralSecurityException unopenable) {
      refusal = Outcome.SEALED_TO_ANOTHER;
    }
    if (refusal != null) {
      delivery.deliver("refuse", operation, refusal.refusal());
      return;
    }
    // Of a command that no report follows, the server gets the facts with the acknowledgement.
    JSONObject facts = CommandType.of(command).isLastOrder() ? phone.look(command) : null;
    journal.put(operation, "ackId", Hex.random(16), "state", "acking", "facts", facts);
    agent.pass(Moment.ACKING, operation);
    acknowledge(command);
  }

  /** From where the journal says that an agent before a restart stopped. */
  void resume() throws IOException, InterruptedException {
    JSONObject entry = journal.entry(operation);
    if (entry == null) return;
    progress.goOnFrom(entry.optInt("seq"));
    if (entry.has("report")) deliverResult(entry.optJSONObject("report"));
    else if ("executing".equals(entry.optString("state"))) recover(entry);
    else acknowledge(null);
  }

  /** `command` is null after a restart: the journal does not hold it. */
  private void acknowledge(JSONObject command) throws IOException, InterruptedException {
    JSONObject entry = journal.entry(operation);
    JSONObject ack = Json.of("ackId", entry.optString("ackId"), "needCommand", command == null ? true : null,
        "evidence", evidence(Json.in(entry, "facts"), new JSONObject()));
    // Counted from before the message was sent: that is never later than the server counts.
    long sent = System.nanoTime();
    Reply verdict = delivery.deliver("acknowledge", operation, ack);
    if (!verdict.ok() || verdict.body.has("drop")) {
      drop();
      return;
    }
    Outcome unreadable = Outcome.NOT_KNOWN;
    try {
      JSONObject given = OpeningKey.commandIn(verdict.body, operation, phone.openingKey());
      if (given != null) command = given;
    } catch (GeneralSecurityException unopenable) {
      unreadable = Outcome.SEALED_TO_ANOTHER;
    }
    agent.pass(Moment.ACKNOWLEDGED, operation);
    CommandType type = command == null ? null : CommandType.of(command);
    if (type == null) {
      conclude(unreadable, null);
    } else if (type.isLastOrder()) {
      delivery.end(Json.of("type", type.name(), "command", command, "operation", operation));
    } else if (System.nanoTime() - sent >= 1_000_000 * verdict.body.optLong("startWithinMs")) {
      conclude(Outcome.NOT_STARTED, null);
    } else {
      execute(type, command);
    }
  }

  private void execute(CommandType type, JSONObject command) throws IOException, InterruptedException {
    journal.put(operation, "state", "executing", "type", type.name(), "command", type.withoutSecret(command),
        "bootId", phone.bootId(), "before", phone.before(command), "facts", phone.look(command));
    agent.pass(Moment.EXECUTING, operation);
    Outcome outcome;
    try {
      outcome = phone.execute(command, new Leave());
    } finally {
      progress.stop();
    }
    agent.pass(Moment.EXECUTED, operation);
    conclude(outcome, command);
  }

  private void recover(JSONObject entry) throws IOException, InterruptedException {
    CommandType type = CommandType.named(entry.optString("type"));
    JSONObject command = Json.in(entry, "command");
    if (entry.optBoolean("asking")) {
      conclude(Outcome.UNANSWERED, command);
    } else if (type.recovery == CommandType.Recovery.PROBE) {
      Outcome seen = phone.probe(command, Json.in(entry, "before"));
      conclude(seen == null ? Outcome.INTERRUPTED : seen, command);
    } else if (type.recovery == CommandType.Recovery.BOOT_ID && !phone.bootId().equals(entry.optString("bootId"))) {
      conclude(Outcome.done(), command);
    } else {
      conclude(Outcome.INTERRUPTED, command);
    }
  }

  /** `command` is null if nothing of it was begun. */
  private void conclude(Outcome outcome, JSONObject command) throws IOException, InterruptedException {
    JSONObject report = Json.put(outcome.report(), "seq", progress.nextSeq());
    if (command != null) {
      JSONObject before = Json.in(journal.entry(operation), "facts");
      Json.put(report, "evidence", evidence(before, outcome.succeeded() ? phone.lookAfter(command, before) : phone.look(command)));
    }
    Json.put(report, "ackId", journal.entry(operation).optString("ackId"));
    journal.put(operation, "state", "result", "report", report, "command", null, "before", null, "facts", null, "asking", null);
    agent.pass(Moment.RESULT, operation);
    deliverResult(report);
  }

  /** The facts first: who reads that an operation has ended must find the device as it left it. With any answer the server has both. */
  private void deliverResult(JSONObject report) throws IOException, InterruptedException {
    agent.reportStatus();
    Reply answer = delivery.deliver("report", operation, report);
    if (!answer.ok()) agent.log(operation + ": " + answer.message());
    agent.pass(Moment.REPORTED, operation);
    drop();
  }

  /** As a message carries it, null if there is none. */
  static JSONObject evidence(JSONObject before, JSONObject after) {
    JSONObject found = Json.of("before", before.length() == 0 ? null : before, "after", after.length() == 0 ? null : after);
    return found.length() == 0 ? null : found;
  }

  private void drop() throws IOException, InterruptedException {
    journal.drop(operation);
    agent.pass(Moment.DROPPED, operation);
  }

  private final class Leave implements Phone.Execution {
    @Override
    public void progress(JSONObject status) {
      progress.report(status);
    }

    @Override
    public long asksUser(JSONObject status) throws InterruptedException {
      progress.write("asking", true);
      Reply answer = progress.ask(status);
      return answer.body.optLong("answerWithinMs", answer.ok() ? -1 : 0);
    }

    @Override
    public boolean mayBegin() throws InterruptedException {
      Reply answer = delivery.deliver("begin", operation, Json.of("ackId", journal.entry(operation).optString("ackId")));
      if (!answer.ok() || answer.body.has("drop")) return false;
      progress.write("asking", null);
      return true;
    }
  }
}
