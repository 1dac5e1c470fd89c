package org.heliograph.agent;

import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;

/** Starts the agent after a restart of the phone (before the first unlock too), after its own update, and every 15 minutes. */
public class BootReceiver extends BroadcastReceiver {
  static final String WAKE = "org.heliograph.agent.WAKE";

  @Override
  public void onReceive(Context context, Intent intent) {
    AgentService.start(context);
  }
}
