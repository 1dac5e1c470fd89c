package org.heliograph.agent;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.Application;
import android.app.admin.DevicePolicyManager;
import android.content.pm.ApplicationInfo;
import android.content.pm.PackageInfo;
import android.os.Build;
import com.android.server.devicepolicy.RealService;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcomes;
import org.json.JSONArray;
import org.json.JSONObject;
import org.junit.Before;
import org.junit.Test;
import org.junit.function.ThrowingRunnable;
import org.junit.runner.RunWith;
import org.robolectric.ParameterizedRobolectricTestRunner;
import org.robolectric.ParameterizedRobolectricTestRunner.Parameters;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;

/** The agent against Android's own DevicePolicyManagerService, as each kind of owner and as none: what it does, and what it refuses. */
@RunWith(ParameterizedRobolectricTestRunner.class)
@Config(sdk = {30, 33, 34, 35}, instrumentedPackages = "com.android.server",
    shadows = {RealPolicy.class, RealService.Activities.class, RealService.Caller.class})
public class ServiceTest {
  private static final String APP = "com.example.app";

  private final Owner.Kind kind;
  private final int level = Build.VERSION.SDK_INT;
  private Application app;
  private RealService system;
  private Owner owner;
  private AndroidPhone phone;

  @Parameters(name = "{0}")
  public static Iterable<Object[]> kinds() {
    return Arrays.asList(
        new Object[][] {{"FULLY_MANAGED"}, {"COMPANY_OWNED_WORK_PROFILE"}, {"PERSONALLY_OWNED_WORK_PROFILE"}, {"UNMANAGED"}});
  }

  public ServiceTest(String kind) {
    this.kind = Owner.Kind.valueOf(kind);
  }

  @Before
  public void owned() throws Throwable {
    app = RuntimeEnvironment.getApplication();
    boolean profile = kind == Owner.Kind.COMPANY_OWNED_WORK_PROFILE || kind == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
    system = new RealService(app, AdminReceiver.class, profile ? RealService.WORK : RealService.OWNER);
    if (kind != Owner.Kind.UNMANAGED) system.own(kind.name());
    PackageInfo installed = new PackageInfo();
    installed.packageName = APP;
    installed.applicationInfo = new ApplicationInfo();
    installed.applicationInfo.packageName = APP;
    shadowOf(app.getPackageManager()).installPackage(installed);
    system.callerIsTheApp();
    owner = new Owner(app);
    phone = new AndroidPhone(app, new Memory(app));
    phone.prepare();
    system.effects.clear();
  }

  private boolean fully() {
    return kind == Owner.Kind.FULLY_MANAGED;
  }

  private boolean company() {
    return kind == Owner.Kind.COMPANY_OWNED_WORK_PROFILE;
  }

  private boolean personal() {
    return kind == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
  }

  private boolean managed() {
    return kind != Owner.Kind.UNMANAGED;
  }

  private int user() {
    return company() || personal() ? RealService.WORK : RealService.OWNER;
  }

  private String execute(CommandType type) throws InterruptedException {
    return Outcomes.of(phone.execute(Outcomes.command(type), null));
  }

  @Test
  public void theServiceSaysWhoOwnsThePhone() {
    assertEquals(kind, owner.kind());
  }

  @Test
  public void theServiceKeepsFromWhoDoesNotOwn() {
    Map<String, ThrowingRunnable> calls = new LinkedHashMap<>();
    calls.put("lockNow", () -> owner.policy.lockNow());
    calls.put("reboot", () -> owner.policy.reboot(owner.admin));
    calls.put("wipeData", () -> owner.policy.wipeData(0));
    calls.put("resetPasswordWithToken", () -> owner.policy.resetPasswordWithToken(owner.admin, "246813", new byte[32], 0));
    calls.put("setPasswordQuality", () -> owner.policy.setPasswordQuality(owner.admin, DevicePolicyManager.PASSWORD_QUALITY_NUMERIC));
    calls.put("clearApplicationUserData", () -> owner.policy.clearApplicationUserData(owner.admin, APP, Runnable::run, (name, done) -> {}));
    calls.put("setDeviceOwnerLockScreenInfo", () -> owner.policy.setDeviceOwnerLockScreenInfo(owner.admin, "lost"));
    calls.put("setStatusBarDisabled", () -> owner.policy.setStatusBarDisabled(owner.admin, true));
    calls.put("setLockTaskPackages", () -> owner.policy.setLockTaskPackages(owner.admin, new String[] {APP}));
    calls.put("getParentProfileInstance", () -> owner.policy.getParentProfileInstance(owner.admin).lockNow());
    if (level >= 34) calls.put("wipeDevice", () -> owner.policy.wipeDevice(0));
    for (Map.Entry<String, ThrowingRunnable> call : calls.entrySet()) {
      if (refused(call.getKey())) assertThrows(call.getKey(), SecurityException.class, call.getValue());
    }
    for (CommandType type : CommandType.values()) {
      if (!managed()) assertEquals("MANAGEMENT_MODE", Outcomes.of(phone.refusal(Outcomes.command(type))));
    }
  }

  private boolean refused(String call) {
    switch (call) {
      case "reboot":
      case "setStatusBarDisabled":
      case "setLockTaskPackages":
        return !fully();
      case "setDeviceOwnerLockScreenInfo":
        return !fully() && !company();
      case "getParentProfileInstance":
        return fully() || !managed();
      case "wipeDevice":
        return !fully() && !company();
      case "wipeData":
        return !managed() || fully() && level >= 34; // the system user cannot be removed
      default:
        return !managed();
    }
  }

  @Test
  public void lockClosesTheDeviceOrTheWorkProfileThatHasALockOfItsOwn() throws Exception {
    assumeTrue(managed());
    assertEquals("done", execute(CommandType.LOCK));
    assertEquals("[requireStrongAuth[2, -1]]", system.effects("requireStrongAuth").toString());
    assertEquals("[lockNow[null]]", system.effects("lockNow").toString());
    assertEquals(1, system.effects("powerManagerGoToSleep").size());
    system.effects.clear();
    system.separateLock = true;
    assertEquals("done", execute(CommandType.LOCK));
    boolean own = !fully();
    assertEquals(own ? "[setDeviceLockedForUser[10, true]]" : "[]", system.effects("setDeviceLockedForUser").toString());
    assertEquals(own ? "[]" : "[lockNow[null]]", system.effects("lockNow").toString());
  }

  @Test
  public void thePasswordIsSetWithTheTokenAndTheRulesOfThePolicyHold() throws Exception {
    assumeTrue(managed());
    phone.adopt(Json.of("policyName", "enterprises/e/policies/p", "passwordQuality", "NUMERIC", "passwordMinimumLength", 5));
    JSONObject command = Json.put(Outcomes.command(CommandType.RESET_PASSWORD), "resetPasswordFlags", new JSONArray().put("REQUIRE_ENTRY"));
    assertEquals(null, Outcomes.of(phone.refusal(command)));
    assertEquals("done", Outcomes.of(phone.execute(command, null)));
    String expected = "[setLockCredentialWithToken[246813, 42, 32 bytes, " + user() + "]]";
    assertEquals(expected, system.effects("setLockCredentialWithToken").toString());
    assertEquals("[requireStrongAuth[2, -1]]", system.effects("requireStrongAuth").toString());
    system.effects.clear();
    assertEquals("INVALID_VALUE", Outcomes.of(phone.execute(Json.put(command, "newPassword", "1234"), null)));
    assertTrue(system.effects.toString(), system.effects.isEmpty());
    system.tokenActive = false;
    assertEquals("UNKNOWN", Outcomes.of(phone.refusal(command)));
  }

  @Test
  public void aRebootIsOrderedUnlessThereIsACall() throws Exception {
    assumeTrue(fully());
    assertThrows(InterruptedException.class, () -> execute(CommandType.REBOOT));
    assertEquals("[powerManagerReboot[deviceowner]]", system.effects.toString());
    system.effects.clear();
    system.onCall = true;
    assertEquals("UNKNOWN", execute(CommandType.REBOOT));
    assertTrue(system.effects.toString(), system.effects.isEmpty());
  }

  @Test
  public void anAppsDataAreClearedUnlessTheSystemProtectsThem() throws Exception {
    assumeTrue(managed());
    JSONObject params = Json.of("packageNames", new JSONArray().put(APP).put(app.getPackageName()).put("com.missing"));
    JSONObject results = Json.in(new JSONObject(
        Outcomes.of(phone.execute(Json.of("type", "CLEAR_APP_DATA", "clearAppsDataParams", params), null))), "results");
    assertEquals("SUCCESS", Json.in(results, APP).optString("clearingResult"));
    assertEquals("APP_PROTECTED", Json.in(results, app.getPackageName()).optString("clearingResult"));
    assertEquals("APP_NOT_FOUND", Json.in(results, "com.missing").optString("clearingResult"));
    assertEquals(2, system.effects("clearApplicationUserData").size());
    assertTrue(system.effects.toString(), system.effects.get(0).endsWith(", " + user() + "]"));
  }

  @Test
  public void lostModeHoldsTheScreenAndLetsItGo() throws Exception {
    assumeTrue(fully());
    assertEquals("SUCCESS", execute(CommandType.START_LOST_MODE));
    assertEquals("[setDeviceOwnerInfo[Bring it back]]", system.effects("setDeviceOwnerInfo").toString());
    assertTrue(owner.policy.isLockTaskPermitted(app.getPackageName()));
    assertFalse(owner.policy.isLockTaskPermitted(APP));
    assertEquals(0, owner.policy.getLockTaskFeatures(owner.admin));
    assertTrue(system.effects.toString(), system.effects("updateLockTaskPackages").toString().contains(app.getPackageName()));
    assertEquals(1, system.effects("lockNow").size());
    system.effects.clear();
    assertEquals("SUCCESS", execute(CommandType.STOP_LOST_MODE));
    assertEquals("[setDeviceOwnerInfo[null]]", system.effects("setDeviceOwnerInfo").toString());
    assertFalse(owner.policy.isLockTaskPermitted(app.getPackageName()));
  }

  @Test
  public void aWipeResetsACompanysDeviceAndRemovesAPersonalProfile() {
    assumeTrue(managed());
    JSONObject flags = Json.of("wipeDataFlags", new JSONArray().put("WIPE_EXTERNAL_STORAGE").put("WIPE_ESIMS"));
    phone.carryOut(Json.of("type", "WIPE", "wipeParams", flags));
    List<String> reset = system.effects("recoverySystemRebootWipeUserData");
    List<String> removed = system.effects("removeUserEvenWhenDisallowed");
    assertEquals(personal() ? "[removeUserEvenWhenDisallowed[10]]" : "[]", removed.toString());
    assertEquals(reset.toString(), personal() ? 0 : 1, reset.size());
    if (personal()) return;
    if (level < 33) { // there the service does itself what the recovery does later
      assertTrue(reset.toString(), reset.get(0).endsWith(", true, true]")); // force, wipe eSIMs
      assertEquals("[wipeAdoptableDisks[]]", system.effects("wipeAdoptableDisks").toString());
      assertEquals(fully() ? "[wipe[]]" : "[]", system.effects("wipe[").toString()); // reset protection data
    } else {
      assertTrue(reset.toString(), reset.get(0).endsWith(", true, true, true, " + fully() + "]")); // the same, and storage
    }
  }

  @Test
  public void aRestrictionPreventsAWipeWhichIsThenNotConfirmed() {
    assumeTrue(managed());
    boolean asUserOfTheProfile = personal() || company() && level >= 34;
    system.restrictions.add(asUserOfTheProfile ? "no_remove_managed_profile" : "no_factory_reset");
    assertThrows(SecurityException.class, () -> phone.carryOut(Json.of("type", "WIPE")));
    assertTrue(system.effects.toString(), system.effects.isEmpty());
  }

  @Test
  public void relinquishingUndoesTheRulesAndRemovesTheProfileOnly() {
    assumeTrue(company());
    phone.adopt(Json.of("policyName", "enterprises/e/policies/p", "passwordQuality", "NUMERIC", "passwordMinimumLength", 6));
    assertEquals(DevicePolicyManager.PASSWORD_QUALITY_NUMERIC, owner.policy.getPasswordQuality(owner.admin));
    assertEquals(6, owner.policy.getPasswordMinimumLength(owner.admin));
    phone.carryOut(Json.of("type", "RELINQUISH_OWNERSHIP"));
    assertEquals(DevicePolicyManager.PASSWORD_QUALITY_UNSPECIFIED, owner.policy.getPasswordQuality(owner.admin));
    assertEquals(0, owner.policy.getPasswordMinimumLength(owner.admin));
    assertEquals("[removeUserEvenWhenDisallowed[10]]", system.effects("removeUserEvenWhenDisallowed").toString());
    assertEquals("[]", system.effects("recoverySystemRebootWipeUserData").toString());
  }

  @Test
  public void anOwnerGrantsItselfWhatTheLevelHas() {
    assumeTrue(managed());
    phone.prepare();
    String granted = system.effects("setRuntimePermissionGrantStateByDeviceAdmin").toString();
    assertTrue(granted, granted.contains("android.permission.READ_PHONE_STATE"));
    assertEquals(granted, level >= 33, granted.contains("android.permission.POST_NOTIFICATIONS"));
  }

  /** docs/lab.md says so. */
  @Test
  public void noComputerRemovesAnOwnerThatIsNoTestOnlyApp() {
    assumeTrue(managed());
    SecurityException refused = assertThrows(SecurityException.class, system::removeOwner);
    assertTrue(refused.getMessage(), refused.getMessage().contains("non-test admin"));
    assertEquals(kind, owner.kind());
  }

  @Test
  public void aPersonalPhoneIsKnownByAnIdOfThisEnterpriseOnly() {
    assumeTrue(personal() && level >= 31);
    JSONObject hardware = Json.in(phone.report(), "hardwareInfo");
    assertTrue(hardware.toString(), hardware.optString("enterpriseSpecificId").contains("heliograph-"));
    assertEquals(hardware.optString("enterpriseSpecificId"), hardware.optString("serialNumber"));
  }
}
