package org.heliograph.agent;

import android.app.Notification;
import android.app.NotificationChannel;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.os.Build;

/** What the agent shows outside its own screens. */
final class Notices {
  static final int SERVICE = 1;
  private static final int QUESTION = 2;
  private static final String QUIET = "agent";
  private static final String LOUD = "questions";

  private Notices() {}

  /** That the agent runs, and how it stands. */
  static Notification running(Context context, String state) {
    return builder(context, QUIET).setContentTitle(context.getString(R.string.name)).setContentText(state)
        .setSmallIcon(android.R.drawable.ic_lock_lock).setOngoing(true).build();
  }

  /** A question; a tap leads to its screen. */
  static void ask(Context context, String question, Intent screen) {
    int flags = PendingIntent.FLAG_UPDATE_CURRENT | PendingIntent.FLAG_IMMUTABLE;
    Notification notice = builder(context, LOUD).setContentTitle(context.getString(R.string.name)).setContentText(question)
        .setSmallIcon(android.R.drawable.ic_dialog_alert).setContentIntent(PendingIntent.getActivity(context, 0, screen, flags))
        .setAutoCancel(true).build();
    manager(context).notify(QUESTION, notice);
  }

  static void withdrawQuestion(Context context) {
    manager(context).cancel(QUESTION);
  }

  private static Notification.Builder builder(Context context, String channel) {
    if (Build.VERSION.SDK_INT < 26) return new Notification.Builder(context);
    int importance = channel.equals(QUIET) ? NotificationManager.IMPORTANCE_MIN : NotificationManager.IMPORTANCE_HIGH;
    manager(context).createNotificationChannel(new NotificationChannel(channel, context.getString(R.string.name), importance));
    return new Notification.Builder(context, channel);
  }

  private static NotificationManager manager(Context context) {
    return (NotificationManager) context.getSystemService(Context.NOTIFICATION_SERVICE);
  }
}
