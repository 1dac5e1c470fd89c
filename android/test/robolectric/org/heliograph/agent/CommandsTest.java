package org.heliograph.agent;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Application;
import android.app.KeyguardManager;
import android.content.Context;
import android.content.Intent;
import android.content.pm.ApplicationInfo;
import android.content.pm.PackageInfo;
import android.os.Build;
import android.provider.Settings;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcomes;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.ParameterizedRobolectricTestRunner;
import org.robolectric.ParameterizedRobolectricTestRunner.Parameters;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowKeyguardManager;

/** Each type in each mode on each level: Android's own DevicePolicyManager runs, and what it sends through the binder is compared. */
@RunWith(ParameterizedRobolectricTestRunner.class)
@Config(sdk = {24, 26, 28, 30, 33, 34, 35, 36}, shadows = RealPolicy.class)
public class CommandsTest {
  private final Owner.Kind kind;
  private Application app;
  private FarSide system;
  private Memory memory;
  private AndroidPhone phone;
  private int level;

  @Parameters(name = "{0}")
  public static Iterable<Object[]> kinds() {
    return Arrays.asList(new Object[][] {{"FULLY_MANAGED"}, {"COMPANY_OWNED_WORK_PROFILE"}, {"PERSONALLY_OWNED_WORK_PROFILE"}});
  }

  public CommandsTest(String kind) {
    this.kind = Owner.Kind.valueOf(kind);
  }

  @Before
  public void managed() {
    level = Build.VERSION.SDK_INT;
    app = RuntimeEnvironment.getApplication();
    system = new FarSide(app, kind);
    memory = new Memory(app);
    Settings.Global.putInt(app.getContentResolver(), Settings.Global.BOOT_COUNT, 7);
    PackageInfo installed = new PackageInfo();
    installed.packageName = "com.example.app";
    installed.applicationInfo = new ApplicationInfo();
    installed.applicationInfo.packageName = installed.packageName;
    shadowOf(app.getPackageManager()).installPackage(installed);
    phone = new AndroidPhone(app, memory);
    phone.prepare();
    system.calls.clear();
  }

  /** Company-owned work profiles are known as such from Android 11 on; before, such a phone counts as personal. */
  private Owner.Kind seen() {
    return kind == Owner.Kind.COMPANY_OWNED_WORK_PROFILE && level < 30 ? Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE : kind;
  }

  private boolean fully() {
    return seen() == Owner.Kind.FULLY_MANAGED;
  }

  private boolean company() {
    return seen() == Owner.Kind.COMPANY_OWNED_WORK_PROFILE;
  }

  /** What the phone says before the acknowledgement, null: it can. */
  private String expected(CommandType type) {
    switch (type) {
      case REBOOT:
        return fully() ? null : "MANAGEMENT_MODE";
      case RELINQUISH_OWNERSHIP:
        return company() ? null : "MANAGEMENT_MODE";
      case START_LOST_MODE:
      case STOP_LOST_MODE:
        if (fully()) return level < 30 ? "API_LEVEL" : null;
        return !company() ? "MANAGEMENT_MODE" : level < 33 ? "API_LEVEL" : "UNSUPPORTED";
      case ADD_ESIM:
      case REMOVE_ESIM:
        return level < 35 ? "API_LEVEL" : "UNSUPPORTED"; // this phone has no eSIM chip
      case REQUEST_DEVICE_INFO:
        return fully() || company() ? "MANAGEMENT_MODE" : level < 33 ? "API_LEVEL" : "UNSUPPORTED";
      default:
        return null;
    }
  }

  private String execute(JSONObject command) throws InterruptedException {
    return Outcomes.of(phone.execute(command, null));
  }

  private String execute(CommandType type) throws InterruptedException {
    return execute(Outcomes.command(type));
  }

  @Test
  public void whatModeAndLevelDoNotHaveIsRefused() {
    for (CommandType type : CommandType.values()) {
      assertEquals(type.name(), expected(type), Outcomes.of(phone.refusal(Outcomes.command(type))));
    }
    assertTrue(system.calls.toString(), system.calls.isEmpty());
  }

  @Test
  public void lockReachesTheSystem() throws Exception {
    assertEquals("done", execute(CommandType.LOCK));
    assertTrue(system.calls.toString(), system.names().contains("lockNow"));
    // Not the parent's: a work profile with a lock of its own is locked alone.
    assertFalse(system.call("lockNow"), system.call("lockNow").contains("true"));
  }

  @Test
  public void thePasswordIsResetByTokenFromAndroid8() throws Exception {
    JSONObject command = Json.put(Outcomes.command(CommandType.RESET_PASSWORD), "resetPasswordFlags",
        new JSONArray().put("REQUIRE_ENTRY").put("DO_NOT_ASK_CREDENTIALS_ON_BOOT").put("LOCK_NOW"));
    assertEquals("done", execute(command));
    String call = system.call(level < 26 ? "resetPassword[" : "resetPasswordWithToken[");
    assertNotNull(system.calls.toString(), call);
    assertTrue(call, call.contains("246813"));
    assertTrue(call, call.endsWith(fully() ? ", 3]" : ", 1]")); // DO_NOT_ASK counts for device owners
    assertTrue(system.names().contains("lockNow"));
    system.weakPassword = true;
    assertEquals("INVALID_VALUE", execute(CommandType.RESET_PASSWORD));
  }

  @Test
  public void aTokenThatIsNotActiveIsSaidBeforeTheAcknowledgement() {
    system.tokenActive = false;
    assertEquals(level < 26 ? null : "UNKNOWN", Outcomes.of(phone.refusal(Outcomes.command(CommandType.RESET_PASSWORD))));
  }

  @Test
  public void fiveDigitsAreTooFewOnAndroid14() {
    JSONObject command = Json.of("type", "RESET_PASSWORD", "newPassword", "12345");
    assertEquals(level == 34 ? "INVALID_VALUE" : null, Outcomes.of(phone.refusal(command)));
  }

  @Test
  public void aRebootDuringACallFails() throws Exception {
    assumeTrue("only a device owner can", fully());
    system.onCall = true;
    assertEquals("UNKNOWN", execute(CommandType.REBOOT));
    assertNotNull(system.call("reboot[admin]"));
  }

  @Test
  public void eachAppHasItsResult() throws Exception {
    JSONObject results = Json.in(new JSONObject(execute(CommandType.CLEAR_APP_DATA)), "results");
    String here = Json.in(results, "com.example.app").optString("clearingResult");
    assertEquals(level < 28 ? "API_LEVEL" : "SUCCESS", here);
    assertEquals(level < 28 ? "API_LEVEL" : "APP_NOT_FOUND", Json.in(results, "com.missing").optString("clearingResult"));
    assertEquals(level >= 28, system.call("clearApplicationUserData[admin, com.example.app") != null);
  }

  @Test
  public void lostModeHoldsTheScreenUntilItIsStopped() throws Exception {
    assumeTrue("only a device owner can, from 30 on", fully() && level >= 30);
    assertEquals("NOT_IN_LOST_MODE", execute(CommandType.STOP_LOST_MODE));
    JSONObject command = Outcomes.command(CommandType.START_LOST_MODE);
    JSONObject before = phone.before(command);
    assertFalse(phone.look(command).getBoolean("lostMode"));
    assertNull(Outcomes.of(phone.probe(command, before)));
    assertEquals("SUCCESS", execute(command));
    assertEquals(LostActivity.class.getName(), shadowOf(app).getNextStartedActivity().getComponent().getClassName());
    for (String call : new String[] {"setDeviceOwnerLockScreenInfo", "setStatusBarDisabled", "setLockTaskPackages", "lockNow"}) {
      assertTrue(call + system.calls, system.names().contains(call));
    }
    assertEquals("LOST", phone.report().optString("appliedState"));
    assertEquals("SUCCESS", Outcomes.of(phone.probe(command, before)));
    assertEquals("ALREADY_IN_LOST_MODE", execute(command));
    assertTrue(phone.look(command).getBoolean("lostMode"));
    assertEquals("SUCCESS", execute(CommandType.STOP_LOST_MODE));
    assertFalse(phone.look(command).getBoolean("lostMode"));
    assertEquals("ACTIVE", phone.report().optString("appliedState"));
  }

  @Test
  public void lostModeDoesNotStartAfterAPasswordReset() throws Exception {
    assumeTrue("only a device owner can, from 30 on", fully() && level >= 30);
    execute(CommandType.RESET_PASSWORD);
    assertEquals("RESET_PASSWORD_RECENTLY", execute(CommandType.START_LOST_MODE));
  }

  @Test
  public void aWipeTakesTheWayOfItsModeAndLevel() {
    JSONObject flags = Json.of("wipeDataFlags", new JSONArray().put("WIPE_EXTERNAL_STORAGE").put("WIPE_ESIMS"),
        "wipeReason", Json.of("defaultMessage", "You left"));
    phone.carryOut(Json.of("type", "WIPE", "wipeParams", flags));
    String call = system.call("wipe");
    assertNotNull(system.calls.toString(), call);
    int expected = 1 + (level < 28 ? 0 : 4) + (fully() ? 2 : 0);
    assertTrue(call + " flags " + expected, call.matches(".*\\b" + expected + "\\b.*"));
    boolean personal = !fully() && !company();
    assertEquals(call, personal && level >= 28, call.contains("You left"));
    if (level >= 34) assertTrue(call, call.endsWith(personal ? "false]" : "true]")); // factory reset
    else if (level >= 30) assertTrue(call, call.endsWith(company() ? "true]" : "false]")); // the parent's
  }

  @Test
  public void aPreventedWipeThrowsSoThatItIsNotConfirmed() {
    system.barred = true;
    assertThrows(SecurityException.class, () -> phone.carryOut(Json.of("type", "WIPE")));
  }

  @Test
  public void relinquishingLiftsTheRulesAndThenRemovesTheProfileOnly() {
    assumeTrue("only a company-owned work profile is relinquished", company());
    phone.adopt(Json.of("policyName", "enterprises/e/policies/p", "passwordQuality", "NUMERIC", "passwordMinimumLength", 6));
    system.calls.clear();
    phone.carryOut(Json.of("type", "RELINQUISH_OWNERSHIP"));
    int lifted = system.names().indexOf("setPasswordQuality");
    int wiped = system.names().indexOf("wipeDataWithReason");
    assertTrue(system.calls.toString(), 0 <= lifted && lifted < wiped);
    assertTrue(system.calls.get(lifted), system.calls.get(lifted).contains("admin, 0"));
    assertFalse(system.calls.get(wiped), system.calls.get(wiped).contains("true")); // neither the parent's nor a factory reset
  }

  @Test
  public void aChangedPolicyIsAppliedOnceAndReported() {
    JSONObject policy = Json.of("policyName", "enterprises/e/policies/p", "policyVersion", 3, "passwordQuality", "ALPHANUMERIC");
    // The server sends AMAPI's Policy along, and leaves it out once the phone has reported this version: the same policy.
    phone.adopt(Json.put(Json.copy(policy), "policy", Json.of("applications", new JSONArray().put(Json.of("packageName", "com.example")))));
    phone.adopt(policy);
    assertEquals(1, Collections.frequency(system.names(), "setPasswordQuality"));
    assertFalse(memory.get(Memory.POLICY), memory.get(Memory.POLICY).contains("com.example"));
    assertEquals("enterprises/e/policies/p", phone.report().optString("appliedPolicyName"));
    assertEquals("3", phone.report().optString("appliedPolicyVersion"));
  }

  @Test
  public void whatTheSystemSaysIsTheEvidence() throws Exception {
    ShadowKeyguardManager keyguard = shadowOf((KeyguardManager) app.getSystemService(Context.KEYGUARD_SERVICE));
    JSONObject before = phone.look(Outcomes.command(CommandType.LOCK));
    assertEquals("{deviceLocked=false, deviceSecure=false, interactive=true}", sorted(before));
    keyguard.setIsDeviceSecure(true);
    keyguard.setIsDeviceLocked(true);
    // It is there already, so nothing is waited for.
    assertEquals("{deviceLocked=true, deviceSecure=true, interactive=true}", sorted(phone.lookAfter(Outcomes.command(CommandType.LOCK), before)));
    assertEquals(0, phone.look(Outcomes.command(CommandType.RESET_PASSWORD)).getInt("passwordChanges"));
    new AdminReceiver().onPasswordChanged(app, new Intent());
    assertEquals(1, phone.look(Outcomes.command(CommandType.RESET_PASSWORD)).getInt("passwordChanges"));
    assertEquals("{bootCount=7}", sorted(phone.look(Outcomes.command(CommandType.REBOOT))));
    Settings.Secure.putString(app.getContentResolver(), Settings.Secure.ANDROID_ID, "9774d56d682e549c");
    assertEquals("{androidId=9774d56d682e549c}", sorted(phone.lookAtEnrolment()));
    assertEquals("{androidId=9774d56d682e549c}", sorted(phone.look(Outcomes.command(CommandType.WIPE))));
    assertEquals("{}", sorted(phone.look(Outcomes.command(CommandType.REQUEST_DEVICE_INFO))));
    JSONObject apps = phone.look(Outcomes.command(CommandType.CLEAR_APP_DATA));
    assertEquals(apps.toString(), level >= 26, apps.has("appDataBytes"));
  }

  /** What waits for the keyguard does not wait for ever, and says what it sees. */
  @Test
  public void anEffectThatArrivesLateIsSeen() throws Exception {
    JSONObject lock = Outcomes.command(CommandType.LOCK);
    JSONObject before = phone.look(lock);
    ShadowKeyguardManager keyguard = shadowOf((KeyguardManager) app.getSystemService(Context.KEYGUARD_SERVICE));
    Thread system = new Thread(() -> keyguard.setIsDeviceLocked(true));
    system.start();
    assertTrue(phone.lookAfter(lock, before).getBoolean("deviceLocked"));
    system.join();
  }

  private static String sorted(JSONObject facts) throws JSONException {
    Map<String, Object> sorted = new TreeMap<>();
    for (Iterator<String> names = facts.keys(); names.hasNext(); ) {
      String name = names.next();
      sorted.put(name, facts.get(name));
    }
    return sorted.toString();
  }

  @Test
  public void theFactsSayModeAndLevel() {
    JSONObject report = phone.report();
    assertEquals(fully() ? "DEVICE_OWNER" : "PROFILE_OWNER", report.optString("managementMode"));
    assertEquals(fully() || company() ? "COMPANY_OWNED" : "PERSONALLY_OWNED", report.optString("ownership"));
    assertEquals(level, report.optInt("apiLevel"));
    assertEquals(Build.MODEL, Json.in(report, "hardwareInfo").optString("model"));
    assertTrue(report.has("memoryInfo"));
    assertEquals("7", phone.bootId());
  }

  /** No more than the policy asks for, and nothing with a switch before there is one. */
  @Test
  public void theReportHoldsWhatThePolicyAsksFor() {
    String[] fields = {"softwareInfo", "networkInfo", "deviceSettings", "powerManagementEvents"};
    String[] switches = {"softwareInfoEnabled", "networkInfoEnabled", "deviceSettingsEnabled", "powerManagementEventsEnabled"};
    for (String field : fields) assertFalse(field, phone.report().has(field));
    for (int on = 0; on < fields.length; on++) {
      phone.adopt(asking(on + 1, switches[on]));
      JSONObject report = phone.report();
      for (int field = 0; field < fields.length; field++) {
        assertEquals(switches[on] + fields[field], field == on && (on != 3 || fully() || company()), report.has(fields[field]));
      }
      assertEquals(report.toString(), phone.report().toString());
    }
  }

  /** The server leaves a Policy out that the phone reported last; on a phone that has got another one since, it is missing. */
  @Test
  public void aPolicyThatThePhoneHasNotGotIsNotReportedAsApplied() {
    phone.adopt(asking(1, "softwareInfoEnabled"));
    phone.adopt(Json.of("policyName", "enterprises/e/policies/other", "policy", new JSONObject()));
    phone.adopt(Json.of("policyName", "enterprises/e/policies/p"));
    assertFalse(phone.report().has("appliedPolicyName"));
    assertFalse(phone.report().has("softwareInfo"));
    phone.adopt(asking(1, "softwareInfoEnabled"));
    assertEquals("enterprises/e/policies/p", phone.report().optString("appliedPolicyName"));
    assertEquals(Build.VERSION.RELEASE, Json.in(phone.report(), "softwareInfo").optString("androidVersion"));
  }

  private static JSONObject asking(int version, String name) {
    return Json.of("policyName", "enterprises/e/policies/p", "policyVersion", version,
        "policy", Json.of("statusReportingSettings", Json.of(name, true)));
  }
}
