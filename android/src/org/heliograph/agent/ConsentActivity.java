package org.heliograph.agent;

import android.app.Activity;
import android.app.AlertDialog;
import android.os.Bundle;

/** The user is asked, and agrees or declines. */
public class ConsentActivity extends Activity {
  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    new AlertDialog.Builder(this).setTitle(R.string.name).setMessage(getIntent().getStringExtra(Consent.QUESTION)).setCancelable(false)
        .setPositiveButton(R.string.agree, (dialog, button) -> answer(Consent.Answer.AGREED))
        .setNegativeButton(R.string.decline, (dialog, button) -> answer(Consent.Answer.DECLINED)).show();
  }

  private void answer(Consent.Answer answer) {
    Consent.answer(answer);
    finish();
  }
}
