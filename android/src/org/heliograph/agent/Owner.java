package org.heliograph.agent;

import android.app.admin.DevicePolicyManager;
import android.content.ComponentName;
import android.content.Context;
import android.os.Build;

/** This app's part in the phone: whether it owns the device or a profile of it, and the system's door for that. */
public final class Owner {
  /** Android's three ways to be managed, as AMAPI divides them, and none. */
  public enum Kind {FULLY_MANAGED, COMPANY_OWNED_WORK_PROFILE, PERSONALLY_OWNED_WORK_PROFILE, UNMANAGED}

  public final Context context;
  public final DevicePolicyManager policy;
  public final ComponentName admin;

  public Owner(Context context) {
    this.context = context;
    policy = (DevicePolicyManager) context.getSystemService(Context.DEVICE_POLICY_SERVICE);
    admin = new ComponentName(context, AdminReceiver.class);
  }

  /** Company-owned devices with a profile owner are known as such from Android 11 on. */
  public Kind kind() {
    String name = context.getPackageName();
    if (policy.isDeviceOwnerApp(name)) return Kind.FULLY_MANAGED;
    if (!policy.isProfileOwnerApp(name)) return Kind.UNMANAGED;
    boolean company = Build.VERSION.SDK_INT >= 30 && policy.isOrganizationOwnedDeviceWithManagedProfile();
    return company ? Kind.COMPANY_OWNED_WORK_PROFILE : Kind.PERSONALLY_OWNED_WORK_PROFILE;
  }

  /** As if the lock screen's timeout had expired: of the work profile if it has a lock of its own, else of the device. */
  public void lock() {
    policy.lockNow();
  }
}
