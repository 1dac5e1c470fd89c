package org.heliograph.agent.commands;

import android.app.admin.DevicePolicyManager;
import android.os.Build;
import org.heliograph.agent.Owner;
import org.heliograph.agent.UserText;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** WIPE: a factory reset of a company's device; a personal one loses its work profile. */
final class Wipe implements Command {
  private final Owner owner;

  Wipe(Owner owner) {
    this.owner = owner;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    JSONObject params = Json.in(command, "wipeParams");
    int flags = flags(params);
    if (owner.kind() == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE) {
      removeProfile(flags, UserText.of(params.optJSONObject("wipeReason")));
    } else if (Build.VERSION.SDK_INT >= 34) {
      owner.policy.wipeDevice(flags); // wipeData by a device owner is a SecurityException there
    } else if (owner.kind() == Owner.Kind.FULLY_MANAGED) {
      owner.policy.wipeData(flags);
    } else {
      owner.policy.getParentProfileInstance(owner.admin).wipeData(flags);
    }
    return Outcome.done();
  }

  private void removeProfile(int flags, String reason) {
    if (Build.VERSION.SDK_INT >= 28 && !reason.isEmpty()) owner.policy.wipeData(flags, reason);
    else owner.policy.wipeData(flags);
  }

  /** AMAPI's PRESERVE_RESET_PROTECTION_DATA is the absence of Android's WIPE_RESET_PROTECTION_DATA. */
  private int flags(JSONObject params) {
    int flags = 0;
    if (Json.has(params, "wipeDataFlags", "WIPE_EXTERNAL_STORAGE")) flags |= DevicePolicyManager.WIPE_EXTERNAL_STORAGE;
    if (Json.has(params, "wipeDataFlags", "WIPE_ESIMS") && Build.VERSION.SDK_INT >= 28) flags |= DevicePolicyManager.WIPE_EUICC;
    boolean preserve = Json.has(params, "wipeDataFlags", "PRESERVE_RESET_PROTECTION_DATA");
    if (owner.kind() == Owner.Kind.FULLY_MANAGED && !preserve) flags |= DevicePolicyManager.WIPE_RESET_PROTECTION_DATA;
    return flags;
  }
}
