package org.heliograph.agent;

import android.app.Activity;
import android.content.Intent;
import android.media.AudioAttributes;
import android.media.Ringtone;
import android.media.RingtoneManager;
import android.net.Uri;
import android.os.Bundle;
import android.os.Handler;
import android.os.Looper;
import android.view.Gravity;
import android.view.WindowManager;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.lang.ref.WeakReference;
import org.heliograph.agent.commands.LostMode;
import org.json.JSONObject;

/** The screen of a lost phone: who is looking for it, how to reach them, and a sound. It cannot be left. */
public class LostActivity extends Activity {
  private static final long RINGS_FOR_MS = 5 * 60_000;
  private static WeakReference<LostActivity> shown = new WeakReference<>(null);

  private final Handler handler = new Handler(Looper.getMainLooper());
  private Ringtone sound;

  /** Callable from any thread. */
  public static void finishIfShown() {
    LostActivity activity = shown.get();
    if (activity != null) activity.handler.post(activity::finish);
  }

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    shown = new WeakReference<>(this);
    getWindow().addFlags(WindowManager.LayoutParams.FLAG_SHOW_WHEN_LOCKED | WindowManager.LayoutParams.FLAG_TURN_SCREEN_ON);
    setContentView(page(new LostMode(new Owner(this), new Memory(this)).params()));
    sound = RingtoneManager.getRingtone(this, RingtoneManager.getDefaultUri(RingtoneManager.TYPE_ALARM));
    if (sound != null) {
      sound.setAudioAttributes(new AudioAttributes.Builder().setUsage(AudioAttributes.USAGE_ALARM).build());
      sound.play();
      handler.postDelayed(sound::stop, RINGS_FOR_MS);
    }
  }

  @Override
  protected void onResume() {
    super.onResume();
    startLockTask();
  }

  @Override
  protected void onDestroy() {
    if (sound != null) sound.stop();
    super.onDestroy();
  }

  private LinearLayout page(JSONObject params) {
    LinearLayout page = new LinearLayout(this);
    page.setOrientation(LinearLayout.VERTICAL);
    page.setGravity(Gravity.CENTER);
    line(page, UserText.of(params.optJSONObject("lostOrganization")));
    line(page, UserText.of(params.optJSONObject("lostMessage")));
    line(page, UserText.of(params.optJSONObject("lostStreetAddress")));
    line(page, params.optString("lostEmailAddress"));
    String number = UserText.of(params.optJSONObject("lostPhoneNumber"));
    if (!number.isEmpty()) {
      Button call = new Button(this);
      call.setText(R.string.call_owner);
      call.setOnClickListener(button -> startActivity(new Intent(Intent.ACTION_DIAL, Uri.fromParts("tel", number, null))));
      page.addView(call);
    }
    line(page, getString(R.string.lost_imitated));
    return page;
  }

  private void line(LinearLayout page, String text) {
    if (text.isEmpty()) return;
    TextView view = new TextView(this);
    view.setText(text);
    view.setGravity(Gravity.CENTER);
    page.addView(view);
  }
}
