package org.heliograph.agent.protocol;

/** Where the agent is with a command: the places at which a crash must do no harm. As in src/heliograph/agent/executor.py. */
public enum Moment {
  /** The ackId is journalled, not yet sent. */
  ACKING,
  /** The acknowledgement is accepted, but not journalled. */
  ACKNOWLEDGED,
  /** The start is journalled, the effect has not happened. */
  EXECUTING,
  /** The effect has happened, the result is not journalled. */
  EXECUTED,
  /** The result is journalled, not yet sent. */
  RESULT,
  /** The server has the result, the journal does not know. */
  REPORTED,
  /** The journal has forgotten the command. */
  DROPPED,
  /** The last order is journalled, not yet carried out. */
  ORDERED,
  /** The last order is carried out, the server does not know. */
  CARRIED_OUT,
  /** The credential is gone. */
  FORGOTTEN;

  /** Called at every moment of every operation; tests kill the agent by it. */
  public interface Watch {
    void pass(Moment moment, String operation) throws InterruptedException;
  }
}
