package org.heliograph.agent;

import android.app.Activity;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.content.IntentSender;
import android.os.Bundle;
import android.telephony.euicc.EuiccManager;

/** Lets the system's eSIM service ask the user: a confirmation code, a carrier's terms. Only an activity may do that. */
public class ResolveActivity extends Activity {
  private static final String QUESTION = "question";
  private static final String ANSWER = "answer";

  /** The user sees a notification, and after it the system's question; the answer goes to `answer`. */
  public static void show(Context context, Intent question, PendingIntent answer) {
    Intent screen = new Intent(context, ResolveActivity.class).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        .putExtra(QUESTION, question).putExtra(ANSWER, answer);
    Notices.ask(context, context.getString(R.string.esim_needs_you), screen);
  }

  /** It was answered, or nobody waits for the answer any more. */
  public static void withdraw(Context context) {
    Notices.withdrawQuestion(context);
  }

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    EuiccManager euicc = (EuiccManager) getSystemService(EUICC_SERVICE);
    try {
      Intent question = getIntent().getParcelableExtra(QUESTION);
      PendingIntent answer = getIntent().getParcelableExtra(ANSWER);
      euicc.startResolutionActivity(this, 0, question, answer);
    } catch (IntentSender.SendIntentException gone) {
      finish(); // the question is old; the command ends when the service's time is over
    }
  }

  @Override
  protected void onActivityResult(int request, int result, Intent data) {
    finish();
  }
}
