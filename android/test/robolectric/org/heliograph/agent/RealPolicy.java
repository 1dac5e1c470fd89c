package org.heliograph.agent;

import android.app.admin.DevicePolicyManager;
import org.robolectric.annotation.Implements;

/** No shadow at all: the framework's own DevicePolicyManager runs, down to the binder. */
@Implements(DevicePolicyManager.class)
public class RealPolicy {}
