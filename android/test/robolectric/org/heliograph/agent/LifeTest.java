package org.heliograph.agent;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assume.assumeTrue;
import static org.robolectric.Shadows.shadowOf;

import android.Manifest;
import android.app.Activity;
import android.app.Application;
import android.app.admin.DevicePolicyManager;
import android.content.ComponentName;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.Looper;
import android.os.Parcelable;
import android.os.PersistableBundle;
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ServiceController;
import org.robolectric.annotation.Config;

/** From what a QR code or a computer hands over to the service in the foreground, and after a restart of the phone again. */
@RunWith(RobolectricTestRunner.class)
@Config(sdk = {24, 26, 28, 30, 33, 34, 35, 36}, shadows = RealPolicy.class)
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
  public void onlyWhoMayDumpHandsAServerOver() throws PackageManager.NameNotFoundException {
    ComponentName receiver = new ComponentName(app, SetupReceiver.class);
    assertEquals(Manifest.permission.DUMP, app.getPackageManager().getReceiverInfo(receiver, 0).permission);
    new SetupReceiver().onReceive(app, new Intent().putExtra("server_url", "https://mdm.example.com"));
    assertEquals("https://mdm.example.com", new Memory(app).get(Memory.SERVER_URL));
    assertServiceStarted();
  }
}
