package org.heliograph.agent;

import android.content.Context;
import android.util.Log;
import java.io.IOException;
import java.util.function.LongConsumer;
import org.heliograph.agent.protocol.Agent;
import org.heliograph.agent.protocol.Journal;
import org.heliograph.agent.protocol.Line;
import org.heliograph.agent.protocol.Moment;

/** The agent in this process: enrolled if there is a token, run until the phone is no longer managed, started again after a fault. */
final class AgentLife implements Agent.Events {
  private static final String TAG = "Heliograph";

  /** Takes what is to be shown to the user. */
  interface Screen {
    void show(String state);
  }

  private final Context context;
  private final Memory memory;
  private final Runnable stayAwake;
  private final Screen screen;
  private final LongConsumer wakeWithin;
  private Agent agent;
  private Thread thread;
  /** With which the phone is being enrolled. */
  private String token = "";
  private long network;

  /** `wakeWithin` gets after how many ms at the latest the phone is to be woken. */
  AgentLife(Context context, Runnable stayAwake, Screen screen, LongConsumer wakeWithin) {
    this.context = context;
    this.stayAwake = stayAwake;
    this.screen = screen;
    this.wakeWithin = wakeWithin;
    memory = new Memory(context);
  }

  /** Woken if it runs; started if it knows its server; with a new token ended and started, which enrols the phone again. */
  synchronized void goOn() {
    boolean runs = thread != null && thread.isAlive();
    String wanted = memory.get(Memory.ENROLLMENT_TOKEN);
    if (runs && (wanted.isEmpty() || wanted.equals(token))) {
      if (agent != null) agent.wake();
      return;
    }
    if (memory.get(Memory.SERVER_URL).isEmpty()) return;
    if (runs) end();
    Thread before = thread;
    token = wanted;
    thread = new Thread(() -> live(before, wanted), "heliograph");
    thread.start();
  }

  synchronized void networkChanged(long network) {
    boolean other = this.network != 0 && this.network != network;
    this.network = network;
    if (agent == null) return;
    if (other) agent.networkChanged();
    else agent.wake();
  }

  synchronized void end() {
    if (agent != null) agent.kill();
    if (thread != null) thread.interrupt();
  }

  private void live(Thread before, String token) {
    try {
      if (before != null) before.join();
      Journal journal = new Journal(memory.journal());
      AndroidPhone phone = new AndroidPhone(context, memory);
      phone.prepare();
      String pins = memory.get(Memory.CERTIFICATE_PINS);
      Line line = new Line(memory.get(Memory.SERVER_URL), pins.isEmpty() ? new String[0] : pins.split(","));
      synchronized (this) {
        agent = new Agent(line, journal, phone, this);
      }
      if (journal.finalOrder() == null && (journal.name().isEmpty() || !token.isEmpty())) {
        if (token.isEmpty()) return;
        enroll(journal, token);
      }
      agent.run();
      memory.forget();
      Keys.forget(memory);
      screen.show(context.getString(R.string.released));
    } catch (Agent.EnrolmentRefused | Agent.OrderRefused refused) {
      spend(token);
      screen.show(refused.getMessage());
    } catch (IOException broken) {
      log("the agent stops until the next wake-up: " + broken);
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
    }
  }

  /** A token that comes to an enrolled phone is an order to enrol again: the old device's operations are forgotten. */
  private void enroll(Journal journal, String token) throws Agent.EnrolmentRefused, IOException, InterruptedException {
    if (!journal.name().isEmpty()) journal.forget();
    screen.show(context.getString(R.string.enrolling));
    agent.enroll(token);
    spend(token);
  }

  /** The token is used up; another one that came meanwhile is not. */
  private synchronized void spend(String token) {
    if (this.token.equals(token)) this.token = "";
    if (memory.get(Memory.ENROLLMENT_TOKEN).equals(token)) memory.put(Memory.ENROLLMENT_TOKEN, "");
  }

  @Override
  public void pass(Moment moment, String operation) {
    stayAwake.run();
    log(moment + " " + operation);
  }

  @Override
  public void connection(boolean stands) {
    if (stands) screen.show(context.getString(R.string.connected));
  }

  @Override
  public void wakeWithin(long ms) {
    wakeWithin.accept(ms);
  }

  @Override
  public void notKnown(String why) {
    screen.show(context.getString(R.string.not_known));
  }

  /** Names of operations and steps, the server's words: never a command. */
  @Override
  public void log(String line) {
    Log.i(TAG, line);
  }
}
