package org.heliograph.agent.commands;

import android.content.Context;
import android.content.Intent;
import android.os.Build;
import android.telecom.TelecomManager;
import org.heliograph.agent.LostActivity;
import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.UserText;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.json.JSONObject;

/**
 * An imitation of lost mode, for which Android has no public API: a screen with the owner's message that cannot be left, a text on the
 * lock screen, a sound. It reports no location, and a work profile cannot do it.
 */
public final class LostMode {
  private final Owner owner;
  private final Memory memory;

  public LostMode(Owner owner, Memory memory) {
    this.owner = owner;
    this.memory = memory;
  }

  Outcome objection() {
    if (owner.kind() == Owner.Kind.FULLY_MANAGED) return null;
    return Outcome.failed("UNSUPPORTED", "a work profile cannot hold the whole device on one screen");
  }

  public boolean on() {
    return !memory.get(Memory.LOST).isEmpty();
  }

  void start(JSONObject params) {
    memory.put(Memory.LOST, params.toString());
    owner.policy.setDeviceOwnerLockScreenInfo(owner.admin, UserText.of(params.optJSONObject("lostMessage")));
    owner.policy.setStatusBarDisabled(owner.admin, true);
    show();
    owner.lock();
  }

  /** The screen is there; after a restart of the phone too. */
  public void show() {
    TelecomManager telecom = (TelecomManager) owner.context.getSystemService(Context.TELECOM_SERVICE);
    String dialer = telecom == null ? null : telecom.getDefaultDialerPackage();
    String self = owner.context.getPackageName();
    owner.policy.setLockTaskPackages(owner.admin, dialer == null ? new String[] {self} : new String[] {self, dialer});
    if (Build.VERSION.SDK_INT >= 28) owner.policy.setLockTaskFeatures(owner.admin, 0); // no way home, no notifications
    owner.context.startActivity(new Intent(owner.context, LostActivity.class).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK));
  }

  /** As before; called again it changes nothing. */
  public void stop() {
    owner.policy.setLockTaskPackages(owner.admin, new String[0]); // ends the lock task
    owner.policy.setStatusBarDisabled(owner.admin, false);
    owner.policy.setDeviceOwnerLockScreenInfo(owner.admin, null);
    memory.put(Memory.LOST, "");
    LostActivity.finishIfShown();
  }

  public JSONObject params() {
    return Json.copy(memory.object(Memory.LOST));
  }
}
