package org.heliograph.agent;

import android.app.Activity;
import android.app.admin.DevicePolicyManager;
import android.content.Intent;
import android.os.Bundle;
import android.os.PersistableBundle;
import java.util.ArrayList;

/** Android 12: the setup wizard asks for the mode. A fully managed device if that is allowed, else a work profile. */
public class ModeActivity extends Activity {
  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    ArrayList<Integer> allowed = getIntent().getIntegerArrayListExtra(DevicePolicyManager.EXTRA_PROVISIONING_ALLOWED_PROVISIONING_MODES);
    int mode = DevicePolicyManager.PROVISIONING_MODE_FULLY_MANAGED_DEVICE;
    if (allowed != null && !allowed.contains(mode)) mode = DevicePolicyManager.PROVISIONING_MODE_MANAGED_PROFILE;
    PersistableBundle extras = getIntent().getParcelableExtra(DevicePolicyManager.EXTRA_PROVISIONING_ADMIN_EXTRAS_BUNDLE);
    setResult(RESULT_OK, new Intent().putExtra(DevicePolicyManager.EXTRA_PROVISIONING_MODE, mode)
        .putExtra(DevicePolicyManager.EXTRA_PROVISIONING_ADMIN_EXTRAS_BUNDLE, extras));
    finish();
  }
}
