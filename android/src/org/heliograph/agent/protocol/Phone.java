package org.heliograph.agent.protocol;

import org.json.JSONObject;

/** The phone below an agent: what it is, can and does. It outlives the agent's process. */
public interface Phone {
  /** Its facts, as AMAPI's Device names them. */
  JSONObject report();

  /** Ties the enrolments of one phone together; empty if it may not be known. */
  String serial();

  /** What secrets are sealed to, the same one for as long as the phone is enrolled. */
  OpeningKey openingKey();

  /** Another one after every restart of the phone. */
  String bootId();

  /** The networks that it is in. */
  Networks networks();

  /** Apply the policy that the server sent. */
  void adopt(JSONObject policy);

  /** Why this command cannot be executed at all, null if it can: the management mode first, then the API level, then the rest. */
  Outcome refusal(JSONObject command);

  /** What must be known to see later whether the command took effect; written down before it begins. */
  JSONObject before(JSONObject command);

  /** What the system says now of all that shows whether the command is executed; empty if it says nothing. */
  JSONObject look(JSONObject command);

  /** The same once the command is done, which was `before` when it began: its effect may take a while to arrive. */
  JSONObject lookAfter(JSONObject command, JSONObject before) throws InterruptedException;

  /** What the system says of a phone that enrols: whether it is another one than its server knew. */
  JSONObject lookAtEnrolment();

  /** How the command ended. Called once an operation. */
  Outcome execute(JSONObject command, Execution execution) throws InterruptedException;

  /** How an interrupted command ended, as far as it can be seen; null: it cannot. The command is without its secret. */
  Outcome probe(JSONObject command, JSONObject before);

  /**
   * Carry out the last order; repeating it changes nothing. Returns once nothing can stop it any more.
   *
   * @throws RuntimeException it was not carried out
   */
  void carryOut(JSONObject order);

  /** What a command can do while it is executed. */
  interface Execution {
    /** Report to the server how far it is. */
    void progress(JSONObject status);

    /** Written down and reported: the user is being asked, nothing was done. The answer is how many ms they may take, -1: as long as they like. */
    long asksUser(JSONObject status) throws InterruptedException;

    /** Whether the command may take effect, now that its user has agreed. */
    boolean mayBegin() throws InterruptedException;
  }
}
