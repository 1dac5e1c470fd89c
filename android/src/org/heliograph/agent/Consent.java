package org.heliograph.agent;

import android.content.Context;
import android.content.Intent;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Asks the phone's user: a notification that leads to a screen with two buttons. One question at a time. */
public final class Consent {
  /** What the user answered; NONE: nothing in time. */
  public enum Answer {AGREED, DECLINED, NONE}

  static final String QUESTION = "question";
  private static final BlockingQueue<Answer> ANSWERS = new LinkedBlockingQueue<>();
  private static final Object ONE_AT_A_TIME = new Object();

  private Consent() {}

  /** `withinMs`: how long the user may take, negative: as long as they like. */
  public static Answer ask(Context context, String question, long withinMs) throws InterruptedException {
    synchronized (ONE_AT_A_TIME) {
      ANSWERS.clear();
      Intent screen = new Intent(context, ConsentActivity.class).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK).putExtra(QUESTION, question);
      Notices.ask(context, question, screen);
      try {
        Answer answer = withinMs < 0 ? ANSWERS.take() : ANSWERS.poll(withinMs, TimeUnit.MILLISECONDS);
        return answer == null ? Answer.NONE : answer;
      } finally {
        Notices.withdrawQuestion(context);
      }
    }
  }

  static void answer(Answer answer) {
    ANSWERS.add(answer);
  }
}
