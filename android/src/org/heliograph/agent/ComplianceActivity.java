package org.heliograph.agent;

import android.app.Activity;
import android.app.admin.DevicePolicyManager;
import android.os.Bundle;
import android.os.PersistableBundle;

/** Android 12: called before the setup wizard goes on; brings what the QR code held. */
public class ComplianceActivity extends Activity {
  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    PersistableBundle extras = getIntent().getParcelableExtra(DevicePolicyManager.EXTRA_PROVISIONING_ADMIN_EXTRAS_BUNDLE);
    new Memory(this).keep(extras);
    AgentService.start(this);
    setResult(RESULT_OK);
    finish();
  }
}
