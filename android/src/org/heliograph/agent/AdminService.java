package org.heliograph.agent;

import android.app.admin.DeviceAdminService;

/** The system keeps it bound for as long as this app is an owner (Android 8), so the process lives and is started again. */
public class AdminService extends DeviceAdminService {
  @Override
  public void onCreate() {
    super.onCreate();
    AgentService.start(this);
  }
}
