package org.heliograph.agent;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.app.Activity;
import android.app.AlarmManager;
import android.app.Application;
import android.app.PendingIntent;
import android.app.admin.DevicePolicyManager;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.content.pm.ServiceInfo;
import android.media.Ringtone;
import android.media.RingtoneManager;
import android.net.Uri;
import android.os.Build;
import android.os.Looper;
import android.os.Parcelable;
import android.os.PersistableBundle;
import android.os.SystemClock;
import android.view.ViewGroup;
import android.widget.LinearLayout;
import android.widget.TextView;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.heliograph.agent.protocol.Json;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.ShadowAlarmManager;
import org.robolectric.shadows.ShadowLog;

/** From what a QR code or a computer hands over to the service in the foreground, and after a restart of the phone again. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = {24, 26, 28, 30, 33, 34, 35, 36}, shadows = {RealPolicy.class, LifeTest.Silent.class})
public class LifeTest {
  private Application app;

  @Before
  public void owned() {
    app = RuntimeEnvironment.getApplication();
    new FarSide(app, Owner.Kind.FULLY_MANAGED);
  }

  private static PersistableBundle extras() {
    PersistableBundle extras = new PersistableBundle();
    extras.putString("server_url", "http://127.0.0.1:9");
    extras.putString("enrollment_token", "NTQQMZPBYUXKGHRWLCVA");
    return extras;
  }

  private Intent with(String action, ArrayList<Integer> modes) {
    return new Intent(action).setPackage(app.getPackageName())
        .putExtra(DevicePolicyManager.EXTRA_PROVISIONING_ADMIN_EXTRAS_BUNDLE, (Parcelable) extras())
        .putIntegerArrayListExtra("android.app.extra.PROVISIONING_ALLOWED_PROVISIONING_MODES", modes);
  }

  private void assertServiceStarted() {
    shadowOf(Looper.getMainLooper()).idle();
    Intent started = shadowOf(app).getNextStartedService();
    assertNotNull(started);
    assertEquals(AgentService.class.getName(), started.getComponent().getClassName());
  }

  @Test
  public void whatTheQrCodeHeldIsKeptAndTheServiceStarts() {
    if (Build.VERSION.SDK_INT >= 31) {
      Intent comply = with(DevicePolicyManager.ACTION_ADMIN_POLICY_COMPLIANCE, null);
      assertEquals(1, app.getPackageManager().queryIntentActivities(comply, 0).size());
      Activity screen = Robolectric.buildActivity(ComplianceActivity.class, comply).create().get();
      assertEquals(Activity.RESULT_OK, shadowOf(screen).getResultCode());
    } else {
      app.sendBroadcast(with("android.app.action.PROFILE_PROVISIONING_COMPLETE", null).setComponent(new ComponentName(app, AdminReceiver.class)));
    }
    assertServiceStarted();
    assertEquals("http://127.0.0.1:9", new Memory(app).get(Memory.SERVER_URL));
    assertEquals("NTQQMZPBYUXKGHRWLCVA", new Memory(app).get(Memory.ENROLLMENT_TOKEN));
  }

  @Test
  public void theSetupWizardGetsAModeThatItAllows() {
    assumeTrue("older setup wizards do not ask", Build.VERSION.SDK_INT >= 31);
    for (int allowed : new int[] {1, 2}) {
      Intent ask = with(DevicePolicyManager.ACTION_GET_PROVISIONING_MODE, new ArrayList<>(Collections.singletonList(allowed)));
      Activity screen = Robolectric.buildActivity(ModeActivity.class, ask).create().get();
      assertEquals(allowed, shadowOf(screen).getResultIntent().getIntExtra(DevicePolicyManager.EXTRA_PROVISIONING_MODE, -1));
    }
  }

  @Test
  public void theServiceStartsAfterEveryRestartOfThePhoneBeforeTheFirstUnlockToo() {
    for (String action : Arrays.asList(Intent.ACTION_LOCKED_BOOT_COMPLETED, Intent.ACTION_BOOT_COMPLETED)) {
      app.sendBroadcast(new Intent(action).setPackage(app.getPackageName()));
      assertServiceStarted();
    }
  }

  @Test
  public void aNewTokenEnrolsAPhoneAgainWhoseAgentRuns() throws Exception {
    BlockingQueue<String> tokens = new LinkedBlockingQueue<>();
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      boolean enrols = exchange.getRequestURI().getPath().endsWith("/enroll");
      String asked = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      if (enrols) tokens.add(asked.replaceAll(".*\"enrollmentToken\":\"(\\w+)\".*", "$1"));
      byte[] answer = "{\"name\": \"enterprises/e/devices/d\"}".getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(enrols ? 200 : 503, answer.length);
      exchange.getResponseBody().write(answer);
      exchange.close();
    });
    server.start();
    Memory memory = new Memory(app);
    memory.put(Memory.SERVER_URL, "http://127.0.0.1:" + server.getAddress().getPort());
    AgentLife life = new AgentLife(app, () -> {}, state -> {}, ms -> {});
    try {
      for (String token : Arrays.asList("FIRST", "SECOND")) {
        memory.put(Memory.ENROLLMENT_TOKEN, token);
        life.goOn();
        assertEquals(token, tokens.poll(30, TimeUnit.SECONDS));
      }
    } finally {
      life.end();
      server.stop(0);
    }
  }

  @Test
  public void theServiceRunsInTheForeground() {
    ServiceController<AgentService> service = Robolectric.buildService(AgentService.class).create().startCommand(0, 1);
    assertNotNull(shadowOf(service.get()).getLastForegroundNotification());
    service.destroy();
  }

  @Test
  public void theServiceIsWokenForTheNextPing() {
    ServiceController<AgentService> service = Robolectric.buildService(AgentService.class).create().startCommand(0, 1);
    ShadowAlarmManager alarms = shadowOf((AlarmManager) app.getSystemService(Context.ALARM_SERVICE));
    long withoutServer = alarms.peekNextScheduledAlarm().triggerAtTime;
    service.get().wakeWithin(55_000);
    assertEquals(1, alarms.getScheduledAlarms().size());
    assertEquals(15 * 60_000 - 55_000, withoutServer - alarms.peekNextScheduledAlarm().triggerAtTime);
    service.destroy();
  }

  @Test
  public void whatIsLearntOfNetworksIsKept() {
    Memory memory = new Memory(app);
    AndroidNetworks networks = new AndroidNetworks(app, memory);
    for (int n = 0; n < 40; n++) networks.keep("network " + n, Json.of("passedS", 100 + n));
    networks.keep(networks.current(), Json.of("passedS", 300));
    AndroidNetworks later = new AndroidNetworks(app, new Memory(app));
    assertEquals(300, later.known(networks.current()).optInt("passedS"));
    assertEquals(139, later.known("network 39").optInt("passedS"));
    assertEquals(0, later.known("network 0").length());
  }

  @Test
  public void onlyWhoMayDumpHandsAServerOver() throws PackageManager.NameNotFoundException {
    ComponentName receiver = new ComponentName(app, SetupReceiver.class);
    assertEquals(Manifest.permission.DUMP, app.getPackageManager().getReceiverInfo(receiver, 0).permission);
    new SetupReceiver().onReceive(app, new Intent().putExtra("server_url", "https://mdm.example.com"));
    assertEquals("https://mdm.example.com", new Memory(app).get(Memory.SERVER_URL));
    assertServiceStarted();
  }

  @Test
  public void anAlarmWakesAnIdlePhone() throws PendingIntent.CanceledException {
    ServiceController<AgentService> service = Robolectric.buildService(AgentService.class).create().startCommand(0, 1);
    ShadowAlarmManager.ScheduledAlarm alarm = shadowOf((AlarmManager) app.getSystemService(Context.ALARM_SERVICE)).peekNextScheduledAlarm();
    assertEquals(AlarmManager.ELAPSED_REALTIME_WAKEUP, alarm.type);
    long inMs = alarm.triggerAtTime - SystemClock.elapsedRealtime();
    assertTrue("in " + inMs, 0 < inMs && inMs <= 15 * 60_000);
    alarm.operation.send();
    assertServiceStarted();
    service.destroy();
  }

  @Test
  public void theSystemKeepsAnOwnersProcessAliveByItsDeviceAdminService() throws PackageManager.NameNotFoundException {
    assumeTrue("it came with Android 8", Build.VERSION.SDK_INT >= 26);
    ServiceInfo declared = app.getPackageManager().getServiceInfo(new ComponentName(app, AdminService.class), 0);
    assertEquals(Manifest.permission.BIND_DEVICE_ADMIN, declared.permission);
    Robolectric.buildService(AdminService.class).create();
    assertServiceStarted();
  }

  @Test
  public void aLostPhonesScreenSaysWhoLooksForItAndHowToReachThem() {
    assumeTrue("Robolectric cannot make API 33's audio service, which a window asks", Build.VERSION.SDK_INT != 33);
    new Memory(app).put(Memory.LOST, Json.of("lostOrganization", Json.of("defaultMessage", "ACME"),
        "lostMessage", Json.of("defaultMessage", "Bring it back"), "lostEmailAddress", "found@example.com",
        "lostPhoneNumber", Json.of("defaultMessage", "+1 555 0100")).toString());
    LostActivity screen = Robolectric.buildActivity(LostActivity.class).setup().get();
    LinearLayout page = (LinearLayout) ((ViewGroup) screen.findViewById(android.R.id.content)).getChildAt(0);
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < page.getChildCount(); i++) texts.add(((TextView) page.getChildAt(i)).getText().toString());
    assertEquals(Arrays.asList("ACME", "Bring it back", "found@example.com", app.getString(R.string.call_owner),
        app.getString(R.string.lost_imitated)), texts);
    page.getChildAt(3).performClick();
    Intent dials = shadowOf(screen).getNextStartedActivity();
    assertEquals(Intent.ACTION_DIAL + " tel:+1 555 0100", dials.getAction() + " " + Uri.decode(dials.getDataString()));
    LostActivity.finishIfShown();
    shadowOf(Looper.getMainLooper()).idle();
    assertTrue(screen.isFinishing());
  }

  /** A server that has the phone reset its password. */
  @Test
  public void noSecretIsInTheLog() throws Exception {
    BlockingQueue<String> reports = new LinkedBlockingQueue<>();
    List<String> credentials = Collections.synchronizedList(new ArrayList<>());
    AtomicBoolean offered = new AtomicBoolean();
    CountDownLatch over = new CountDownLatch(1);
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.setExecutor(Executors.newCachedThreadPool());
    server.createContext("/", exchange -> {
      String path = exchange.getRequestURI().getPath();
      String asked = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
      String bearer = exchange.getRequestHeaders().getFirst("Authorization");
      if (bearer != null) credentials.add(bearer.substring("Bearer ".length()));
      String answer = path.endsWith("/enroll") ? "{\"name\": \"enterprises/e/devices/d\"}"
          : path.endsWith(":acknowledge") ? "{\"startWithinMs\": 60000}"
          : path.endsWith("/commands") && offered.compareAndSet(false, true)
          ? "{\"offer\": {\"operation\": \"enterprises/e/devices/d/operations/1\", \"command\": {\"type\": \"RESET_PASSWORD\", "
              + "\"newPassword\": \"246813\"}, \"expiresInMs\": 60000}}"
          : "{}";
      if (path.endsWith(":report")) reports.add(asked);
      if (path.endsWith("/commands") && answer.equals("{}")) waitFor(over);
      byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
      exchange.sendResponseHeaders(path.endsWith("/connect") ? 400 : 200, bytes.length);
      exchange.getResponseBody().write(bytes);
      exchange.close();
    });
    server.start();
    Memory memory = new Memory(app);
    memory.put(Memory.SERVER_URL, "http://127.0.0.1:" + server.getAddress().getPort());
    memory.put(Memory.ENROLLMENT_TOKEN, "NTQQMZPBYUXKGHRWLCVA");
    AgentLife life = new AgentLife(app, () -> {}, state -> {}, ms -> {});
    try {
      life.goOn();
      String report = null;
      long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
      while (report == null && System.nanoTime() < until) {
        new AdminReceiver().onPasswordChanged(app, new Intent()); // as the system says; the agent waits for it
        report = reports.poll(50, TimeUnit.MILLISECONDS);
      }
      assertTrue(report, report != null && report.contains("\"SUCCEEDED\""));
    } finally {
      life.end();
      over.countDown();
      server.stop(0);
    }
    StringBuilder log = new StringBuilder();
    for (ShadowLog.LogItem item : ShadowLog.getLogs()) log.append(item.msg).append(item.throwable).append('\n');
    assertTrue(log.toString(), log.toString().contains("EXECUTED"));
    for (String secret : Arrays.asList("246813", "NTQQMZPBYUXKGHRWLCVA", credentials.get(0))) assertFalse(log.toString().contains(secret));
  }

  private static void waitFor(CountDownLatch over) {
    try {
      over.await(60, TimeUnit.SECONDS);
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
    }
  }

  /** Robolectric's Android 15 has no sound: a class that it needs is not in it. */
  @Implements(RingtoneManager.class)
  public static class Silent {
    @Implementation
    protected static Ringtone getRingtone(Context context, Uri which) {
      return null;
    }
  }
}
