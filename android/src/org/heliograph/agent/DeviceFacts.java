package org.heliograph.agent;

import android.app.ActivityManager;
import android.app.KeyguardManager;
import android.content.Context;
import android.content.pm.PackageInfo;
import android.content.pm.PackageManager;
import android.os.BatteryManager;
import android.os.Build;
import android.os.Environment;
import android.os.StatFs;
import android.provider.Settings;
import android.telephony.TelephonyManager;
import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;
import java.util.concurrent.Callable;
import org.heliograph.agent.protocol.AppliedPolicy;
import org.heliograph.agent.protocol.Json;
import org.json.JSONArray;
import org.json.JSONObject;

/** What the phone says of itself, in the words of AMAPI's Device. What the system keeps from this app is absent. */
final class DeviceFacts {
  /** So that a phone that loses charge does not report every percent. */
  private static final int BATTERY_STEP = 10;

  private final Owner owner;
  private final Memory memory;

  DeviceFacts(Owner owner, Memory memory) {
    this.owner = owner;
    this.memory = memory;
  }

  /** What the policy asks for. */
  JSONObject report(boolean lost, AppliedPolicy policy) {
    Owner.Kind kind = owner.kind();
    boolean company = kind != Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
    JSONObject report = Json.of(
        "managementMode", kind == Owner.Kind.FULLY_MANAGED ? "DEVICE_OWNER" : "PROFILE_OWNER",
        "ownership", company ? "COMPANY_OWNED" : "PERSONALLY_OWNED",
        "apiLevel", Build.VERSION.SDK_INT,
        "appliedState", lost ? "LOST" : "ACTIVE",
        "appliedPolicyName", policy.name(),
        "appliedPolicyVersion", policy.version(),
        "hardwareInfo", hardware(),
        "memoryInfo", memory());
    if (policy.asksFor("softwareInfo", company)) Json.put(report, "softwareInfo", software());
    if (policy.asksFor("networkInfo", company)) Json.put(report, "networkInfo", network(kind));
    if (policy.asksFor("deviceSettings", company)) {
      Json.put(report, "deviceSettings", Json.of("isDeviceSecure", keyguard().isDeviceSecure()));
    }
    if (policy.asksFor("powerManagementEvents", company)) Json.put(report, "powerManagementEvents", new JSONArray().put(battery()));
    return report;
  }

  int bootCount() {
    return Settings.Global.getInt(owner.context.getContentResolver(), Settings.Global.BOOT_COUNT, -1);
  }

  /** The serial number; of a personal device from Android 12 on an id of this enterprise and no other; empty if it may not be known. */
  String serial() {
    if (hasEnterpriseId()) return ifAllowed(owner.policy::getEnrollmentSpecificId);
    return ifAllowed(() -> Build.VERSION.SDK_INT >= 26 ? Build.getSerial() : Build.SERIAL);
  }

  private boolean hasEnterpriseId() {
    return Build.VERSION.SDK_INT >= 31 && owner.kind() == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
  }

  private JSONObject hardware() {
    String serial = serial();
    return Json.of("brand", Build.BRAND, "hardware", Build.HARDWARE, "manufacturer", Build.MANUFACTURER, "model", Build.MODEL,
        "deviceBasebandVersion", Build.getRadioVersion(), "serialNumber", serial, "enterpriseSpecificId", hasEnterpriseId() ? serial : null);
  }

  private JSONObject software() {
    JSONObject software = Json.of(
        "androidVersion", Build.VERSION.RELEASE, "androidBuildNumber", Build.DISPLAY, "deviceKernelVersion", System.getProperty("os.version"),
        "bootloaderVersion", Build.BOOTLOADER, "securityPatchLevel", Build.VERSION.SECURITY_PATCH,
        "primaryLanguageCode", Locale.getDefault().toLanguageTag());
    try {
      PackageInfo self = owner.context.getPackageManager().getPackageInfo(owner.context.getPackageName(), 0);
      Json.put(software, "androidDevicePolicyVersionCode", self.versionCode);
      Json.put(software, "androidDevicePolicyVersionName", self.versionName);
    } catch (PackageManager.NameNotFoundException impossible) {
      throw new IllegalStateException(impossible);
    }
    return software;
  }

  private JSONObject memory() {
    ActivityManager.MemoryInfo ram = new ActivityManager.MemoryInfo();
    ((ActivityManager) owner.context.getSystemService(Context.ACTIVITY_SERVICE)).getMemoryInfo(ram);
    long storage = new StatFs(Environment.getDataDirectory().getPath()).getTotalBytes();
    return Json.of("totalRam", String.valueOf(ram.totalMem), "totalInternalStorage", String.valueOf(storage));
  }

  /** Null without telephony. A personal device keeps its IMEI for itself. */
  private JSONObject network(Owner.Kind kind) {
    TelephonyManager telephony = (TelephonyManager) owner.context.getSystemService(Context.TELEPHONY_SERVICE);
    if (telephony == null || telephony.getPhoneType() == TelephonyManager.PHONE_TYPE_NONE) return null;
    boolean personal = kind == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
    String imei = personal ? "" : ifAllowed(() -> Build.VERSION.SDK_INT >= 26 ? telephony.getImei() : telephony.getDeviceId());
    return Json.of("imei", imei, "networkOperatorName", telephony.getNetworkOperatorName());
  }

  private KeyguardManager keyguard() {
    return (KeyguardManager) owner.context.getSystemService(Context.KEYGUARD_SERVICE);
  }

  /** The last measured level: another one only once it is in another step, so that a report stays the same until then. */
  private JSONObject battery() {
    BatteryManager battery = (BatteryManager) owner.context.getSystemService(Context.BATTERY_SERVICE);
    int level = battery.getIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY) / BATTERY_STEP * BATTERY_STEP;
    JSONObject known = memory.object(Memory.BATTERY);
    if (known.optInt("batteryLevel", -1) == level) return known;
    SimpleDateFormat utc = new SimpleDateFormat("yyyy-MM-dd'T'HH:mm:ss'Z'", Locale.ROOT);
    utc.setTimeZone(TimeZone.getTimeZone("UTC"));
    JSONObject event = Json.of("eventType", "BATTERY_LEVEL_COLLECTED", "createTime", utc.format(new Date()), "batteryLevel", level);
    memory.put(Memory.BATTERY, event.toString());
    return event;
  }

  /** Empty if the system does not let this app know, or the phone has no such thing. */
  private static String ifAllowed(Callable<String> ask) {
    try {
      String answer = ask.call();
      return answer == null || answer.equals(Build.UNKNOWN) ? "" : answer;
    } catch (Exception kept) {
      return "";
    }
  }
}
