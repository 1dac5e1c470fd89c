package org.heliograph.agent;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Server and token from a computer over adb: only who holds DUMP, as adb's shell does, may send them. */
public class SetupReceiver extends BroadcastReceiver {
  @Override
  public void onReceive(Context context, Intent intent) {
    new Memory(context).keep(intent.getExtras());
    AgentService.start(context);
  }
}
