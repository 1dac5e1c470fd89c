package org.heliograph.agent.commands;

import android.app.admin.DevicePolicyManager;
import android.os.Build;
import org.heliograph.agent.Memory;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Hex;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/**
 * RESET_PASSWORD: of the device, or of the work profile. From Android 8 on by a token that is usable at once only if there was no lock,
 * else after the user's next unlock.
 */
final class ResetPassword implements Command {
  private static final int TOKEN_LEVEL = 26;
  private static final int TOKEN_BYTES = 32;
  /** AMAPI: "in case of Android 14 devices". */
  private static final int SIX_DIGITS_LEVEL = 34;

  private final Owner owner;
  private final Memory memory;

  ResetPassword(Owner owner, Memory memory) {
    this.owner = owner;
    this.memory = memory;
  }

  /** A token that was never activated dies with the phone's running, so it is looked at in every life. */
  void prepareToken() {
    if (Build.VERSION.SDK_INT < TOKEN_LEVEL || owner.kind() == Owner.Kind.UNMANAGED || usable()) return;
    String token = Hex.random(TOKEN_BYTES);
    if (owner.policy.setResetPasswordToken(owner.admin, Hex.bytes(token))) memory.put(Memory.RESET_TOKEN, token);
  }

  @Override
  public Outcome objection(JSONObject command) {
    if (Build.VERSION.SDK_INT >= TOKEN_LEVEL && !usable()) {
      return Outcome.failed("UNKNOWN", "the reset token is not active: the user must first unlock once with the current password");
    }
    String password = command.optString("newPassword");
    boolean tooShort = Build.VERSION.SDK_INT == SIX_DIGITS_LEVEL && password.matches("[0-9]{1,5}");
    return tooShort ? Outcome.failed("INVALID_VALUE", "a numeric password must have at least 6 digits on Android 14") : null;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) {
    int flags = 0;
    if (flag(command, "REQUIRE_ENTRY")) flags |= DevicePolicyManager.RESET_PASSWORD_REQUIRE_ENTRY;
    if (flag(command, "DO_NOT_ASK_CREDENTIALS_ON_BOOT") && owner.kind() == Owner.Kind.FULLY_MANAGED) {
      flags |= DevicePolicyManager.RESET_PASSWORD_DO_NOT_ASK_CREDENTIALS_ON_BOOT;
    }
    String password = command.optString("newPassword");
    boolean taken = Build.VERSION.SDK_INT >= TOKEN_LEVEL
        ? owner.policy.resetPasswordWithToken(owner.admin, password, Hex.bytes(memory.get(Memory.RESET_TOKEN)), flags)
        : owner.policy.resetPassword(password, flags);
    if (!taken) return Outcome.failed("INVALID_VALUE", "the phone's password rules do not allow it");
    memory.put(Memory.LAST_RESET_MS, String.valueOf(System.currentTimeMillis()));
    if (flag(command, "LOCK_NOW")) owner.lock();
    return Outcome.done();
  }

  private static boolean flag(JSONObject command, String name) {
    return Json.has(command, "resetPasswordFlags", name);
  }

  private boolean usable() {
    return !memory.get(Memory.RESET_TOKEN).isEmpty() && owner.policy.isResetPasswordTokenActive(owner.admin);
  }
}
