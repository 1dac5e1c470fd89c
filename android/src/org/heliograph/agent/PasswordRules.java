package org.heliograph.agent;

import android.app.admin.DevicePolicyManager;
import org.json.JSONObject;

/** The policy's rules for passwords: the only restriction that this agent sets outside lost mode. */
public final class PasswordRules {
  private final Owner owner;

  public PasswordRules(Owner owner) {
    this.owner = owner;
  }

  void apply(JSONObject policy) {
    set(quality(policy.optString("passwordQuality")), policy.optInt("passwordMinimumLength"));
  }

  /** Nothing is demanded any more. */
  public void lift() {
    set(DevicePolicyManager.PASSWORD_QUALITY_UNSPECIFIED, 0);
  }

  /** The length first if the quality goes: from Android 11 on it counts only with a quality. */
  private void set(int quality, int length) {
    boolean lifted = quality == DevicePolicyManager.PASSWORD_QUALITY_UNSPECIFIED;
    if (lifted) owner.policy.setPasswordMinimumLength(owner.admin, 0);
    owner.policy.setPasswordQuality(owner.admin, quality);
    if (!lifted) owner.policy.setPasswordMinimumLength(owner.admin, length);
  }

  private static int quality(String name) {
    switch (name) {
      case "SOMETHING":
        return DevicePolicyManager.PASSWORD_QUALITY_SOMETHING;
      case "NUMERIC":
        return DevicePolicyManager.PASSWORD_QUALITY_NUMERIC;
      case "ALPHABETIC":
        return DevicePolicyManager.PASSWORD_QUALITY_ALPHABETIC;
      case "ALPHANUMERIC":
        return DevicePolicyManager.PASSWORD_QUALITY_ALPHANUMERIC;
      case "COMPLEX":
        return DevicePolicyManager.PASSWORD_QUALITY_COMPLEX;
      default:
        return DevicePolicyManager.PASSWORD_QUALITY_UNSPECIFIED;
    }
  }
}
