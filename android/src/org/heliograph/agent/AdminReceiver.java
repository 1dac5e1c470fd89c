package org.heliograph.agent;

import android.app.admin.DeviceAdminReceiver;
import android.app.admin.DevicePolicyManager;
import android.content.Context;
import android.content.Intent;
import android.os.PersistableBundle;

/** The system's way to say that this app is an owner; below Android 12 it brings what the QR code held. */
public class AdminReceiver extends DeviceAdminReceiver {
  @Override
  public void onProfileProvisioningComplete(Context context, Intent intent) {
    PersistableBundle extras = intent.getParcelableExtra(DevicePolicyManager.EXTRA_PROVISIONING_ADMIN_EXTRAS_BUNDLE);
    new Memory(context).keep(extras);
    Owner owner = new Owner(context);
    // A new work profile stays hidden until its owner enables it.
    if (owner.kind() != Owner.Kind.FULLY_MANAGED && owner.kind() != Owner.Kind.UNMANAGED) owner.policy.setProfileEnabled(owner.admin);
    AgentService.start(context);
  }

  /** The system says so, no matter who changed it. */
  @Override
  public void onPasswordChanged(Context context, Intent intent) {
    new Memory(context).countPasswordChange();
  }

  @Override
  public void onEnabled(Context context, Intent intent) {
    AgentService.start(context);
  }
}
