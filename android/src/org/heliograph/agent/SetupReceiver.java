package org.heliograph.agent;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Server and token from a computer over adb: only who holds DUMP, as adb's shell does, may send them. */
public class SetupReceiver extends BroadcastReceiver {
  @Override
  public void onReceive(Context context, Intent intent) {
    Memory memory = new Memory(context);
    for (String key : new String[] {Memory.SERVER_URL, Memory.ENROLLMENT_TOKEN, Memory.CERTIFICATE_PINS}) {
      if (intent.hasExtra(key)) memory.put(key, intent.getStringExtra(key));
    }
    AgentService.start(context);
  }
}
