package org.heliograph.agent;

import android.app.AlarmManager;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.app.Service;
import android.content.Context;
import android.content.Intent;
import android.net.ConnectivityManager;
import android.net.Network;
import android.os.Build;
import android.os.IBinder;
import android.os.PowerManager;
import android.os.SystemClock;

/** Keeps the agent's process in the foreground, and lets the agent know of networks and time. */
public class AgentService extends Service {
  /** The least often that Android lets an idle phone's app be woken is 9 minutes; the protocol page asks for 15. */
  private static final long WAKE_EVERY_MS = 15 * 60_000;
  private static final long AWAKE_FOR_MS = 60_000;

  private final ConnectivityManager.NetworkCallback networks = new ConnectivityManager.NetworkCallback() {
    @Override
    public void onAvailable(Network network) {
      if (life != null) life.networkChanged(network.getNetworkHandle());
    }
  };
  private PowerManager.WakeLock wakeLock;
  private AgentLife life;
  private volatile long wakeWithinMs = WAKE_EVERY_MS;

  static void start(Context context) {
    Intent intent = new Intent(context, AgentService.class);
    if (Build.VERSION.SDK_INT >= 26) context.startForegroundService(intent);
    else context.startService(intent);
  }

  @Override
  public void onCreate() {
    super.onCreate();
    wakeLock = ((PowerManager) getSystemService(POWER_SERVICE)).newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "heliograph:agent");
    wakeLock.setReferenceCounted(false);
    ((ConnectivityManager) getSystemService(CONNECTIVITY_SERVICE)).registerDefaultNetworkCallback(networks);
  }

  @Override
  public int onStartCommand(Intent intent, int flags, int startId) {
    startForeground(Notices.SERVICE, Notices.running(this, new Memory(this).get(Memory.STATE)));
    stayAwake();
    wakeWithin(wakeWithinMs);
    if (life == null) life = new AgentLife(this, this::stayAwake, this::show, this::wakeWithin);
    life.goOn();
    return START_STICKY;
  }

  @Override
  public void onDestroy() {
    ((ConnectivityManager) getSystemService(CONNECTIVITY_SERVICE)).unregisterNetworkCallback(networks);
    if (life != null) life.end();
    wakeLock.release();
    super.onDestroy();
  }

  @Override
  public IBinder onBind(Intent intent) {
    return null;
  }

  /** While a command is under way the phone does not fall asleep. */
  private void stayAwake() {
    wakeLock.acquire(AWAKE_FOR_MS);
  }

  private void show(String state) {
    new Memory(this).put(Memory.STATE, state);
    ((NotificationManager) getSystemService(NOTIFICATION_SERVICE)).notify(Notices.SERVICE, Notices.running(this, state));
  }

  /** The system may come minutes late while the phone lies still (Doze); the server gives it half as long again. */
  void wakeWithin(long ms) {
    wakeWithinMs = Math.min(ms, WAKE_EVERY_MS);
    Intent wake = new Intent(this, BootReceiver.class).setAction(BootReceiver.WAKE);
    PendingIntent pending = PendingIntent.getBroadcast(this, 0, wake, PendingIntent.FLAG_UPDATE_CURRENT | PendingIntent.FLAG_IMMUTABLE);
    ((AlarmManager) getSystemService(ALARM_SERVICE))
        .setAndAllowWhileIdle(AlarmManager.ELAPSED_REALTIME_WAKEUP, SystemClock.elapsedRealtime() + wakeWithinMs, pending);
  }
}
