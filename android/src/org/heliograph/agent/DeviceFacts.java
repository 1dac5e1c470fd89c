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
import java.util.Locale;
import java.util.concurrent.Callable;
import org.heliograph.agent.protocol.Json;
import org.json.JSONObject;

/** What the phone says of itself, in the words of AMAPI's Device. What the system keeps from this app is absent. */
final class DeviceFacts {
  /** So that a phone that loses charge does not report every percent. */
  private static final int BATTERY_STEP = 10;

  private final Owner owner;

  DeviceFacts(Owner owner) {
    this.owner = owner;
  }

  JSONObject report(boolean lost, JSONObject policy) {
    Owner.Kind kind = owner.kind();
    boolean applied = policy.optInt("policyVersion", 1) > 0 && !policy.optString("policyName").isEmpty();
    return Json.of(
        "managementMode", kind == Owner.Kind.FULLY_MANAGED ? "DEVICE_OWNER" : "PROFILE_OWNER",
        "ownership", kind == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE ? "PERSONALLY_OWNED" : "COMPANY_OWNED",
        "apiLevel", Build.VERSION.SDK_INT,
        "appliedState", lost ? "LOST" : "ACTIVE",
        "appliedPolicyName", applied ? policy.optString("policyName") : null,
        "appliedPolicyVersion", applied ? String.valueOf(policy.optInt("policyVersion", 1)) : null,
        "hardwareInfo", hardware(),
        "softwareInfo", software(),
        "memoryInfo", memory(),
        "networkInfo", network(kind),
        "deviceSettings", Json.of("isDeviceSecure", keyguard().isDeviceSecure()),
        "bootCount", bootCount(),
        "batteryLevel", batteryLevel());
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

  private int batteryLevel() {
    BatteryManager battery = (BatteryManager) owner.context.getSystemService(Context.BATTERY_SERVICE);
    return battery.getIntProperty(BatteryManager.BATTERY_PROPERTY_CAPACITY) / BATTERY_STEP * BATTERY_STEP;
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
