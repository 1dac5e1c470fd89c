package org.heliograph.agent;

import android.app.KeyguardManager;
import android.app.usage.StorageStatsManager;
import android.content.Context;
import android.content.pm.PackageManager;
import android.os.Build;
import android.os.PowerManager;
import android.os.Process;
import android.os.storage.StorageManager;
import android.provider.Settings;
import android.telephony.SubscriptionInfo;
import java.io.IOException;
import org.heliograph.agent.commands.Euicc;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Json;
import org.json.JSONArray;
import org.json.JSONObject;

/**
 * What the system says of this phone, for evidence (docs/device-protocol.md): asked for each time, never remembered from what this
 * agent did. What the system keeps from this app is absent.
 */
final class SystemFacts {
  /** Each is asked for by itself. */
  private static final int APPS_MOST = 16;
  private static final int STORAGE_STATS_LEVEL = 26;

  private final Owner owner;
  private final Memory memory;

  SystemFacts(Owner owner, Memory memory) {
    this.owner = owner;
    this.memory = memory;
  }

  /** What shows whether this command was executed. */
  JSONObject about(JSONObject command) {
    switch (CommandType.of(command)) {
      case LOCK:
        return keyguard();
      case RESET_PASSWORD:
        return Json.put(keyguard(), "passwordChanges", memory.passwordChanges());
      case REBOOT:
        return bootCount();
      case START_LOST_MODE:
      case STOP_LOST_MODE:
        // Of this app alone, and by itself for lost mode alone.
        return Json.of("lostMode", owner.policy.isLockTaskPermitted(owner.context.getPackageName()));
      case CLEAR_APP_DATA:
        return Json.of("appDataBytes", appDataBytes(Json.in(command, "clearAppsDataParams").optJSONArray("packageNames")));
      case ADD_ESIM:
      case REMOVE_ESIM:
        return Json.of("iccIds", iccIds());
      case WIPE:
      case RELINQUISH_OWNERSHIP:
        return ofEnrolment();
      default:
        return new JSONObject();
    }
  }

  /** What shows whether this is another phone than its server knew: after a factory reset, or in another work profile, this id is another. */
  JSONObject ofEnrolment() {
    return Json.of("androidId", Settings.Secure.getString(owner.context.getContentResolver(), Settings.Secure.ANDROID_ID));
  }

  /** In a work profile with a lock of its own, of that one. */
  private JSONObject keyguard() {
    KeyguardManager keyguard = (KeyguardManager) owner.context.getSystemService(Context.KEYGUARD_SERVICE);
    PowerManager power = (PowerManager) owner.context.getSystemService(Context.POWER_SERVICE);
    return Json.of("deviceSecure", keyguard.isDeviceSecure(), "deviceLocked", keyguard.isDeviceLocked(), "interactive", power.isInteractive());
  }

  private JSONObject bootCount() {
    int count = Settings.Global.getInt(owner.context.getContentResolver(), Settings.Global.BOOT_COUNT, -1);
    return Json.of("bootCount", count < 0 ? null : count);
  }

  /** Null if this app may not read them all. */
  private JSONArray iccIds() {
    Euicc euicc = new Euicc(owner);
    JSONArray iccIds = new JSONArray();
    for (int id : euicc.mine()) {
      SubscriptionInfo info = euicc.subscription(id);
      if (info == null || info.getIccId() == null || info.getIccId().isEmpty()) return null;
      iccIds.put(info.getIccId());
    }
    return iccIds;
  }

  /** Null unless someone has allowed this app to see the usage of others: being an owner is not enough. */
  private JSONObject appDataBytes(JSONArray names) {
    if (Build.VERSION.SDK_INT < STORAGE_STATS_LEVEL) return null;
    StorageStatsManager stats = (StorageStatsManager) owner.context.getSystemService(Context.STORAGE_STATS_SERVICE);
    JSONObject found = new JSONObject();
    for (int i = 0; names != null && i < names.length() && found.length() < APPS_MOST; i++) {
      try {
        String name = names.optString(i);
        long bytes = stats.queryStatsForPackage(StorageManager.UUID_DEFAULT, name, Process.myUserHandle()).getDataBytes();
        Json.put(found, name, bytes);
      } catch (PackageManager.NameNotFoundException missing) {
        continue; // the result of this app says so
      } catch (SecurityException | IOException kept) {
        return null;
      }
    }
    return found;
  }
}
