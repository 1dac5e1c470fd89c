package org.heliograph.agent.commands;

import android.os.Build;
import android.telephony.SubscriptionInfo;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** REMOVE_ESIM: of profiles that this app added. */
final class RemoveEsim implements Command {
  /** Android 16 QPR2 and QPR3 do not let a company-owned device's work profile remove eSIMs (disc, Command.type). */
  private static final int ANDROID_16 = 36;
  private static final int QPR2 = 3_600_001;

  private final Owner owner;
  private final Euicc euicc;

  RemoveEsim(Owner owner, Euicc euicc) {
    this.owner = owner;
    this.euicc = euicc;
  }

  @Override
  public Outcome objection(JSONObject command) {
    boolean barred = owner.kind() == Owner.Kind.COMPANY_OWNED_WORK_PROFILE && Build.VERSION.SDK_INT == ANDROID_16 && minor() >= QPR2;
    return barred ? Outcome.failed("UNSUPPORTED", "not in a work profile of Android 16 QPR2 and QPR3") : euicc.objection();
  }

  @Override
  public JSONObject before(JSONObject command) {
    return Json.of("present", euicc.mine(iccId(command)) != null);
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) throws InterruptedException {
    String iccId = iccId(command);
    SubscriptionInfo info = euicc.mine(iccId);
    if (info == null) return Outcome.failed(Json.of("status", "ERROR_ICC_ID_NOT_FOUND"));
    execution.progress(Json.of("status", "IN_PROGRESS"));
    Euicc.Answer answer = euicc.ask(pending -> euicc.manager().deleteSubscription(info.getSubscriptionId(), pending));
    return answer.ok() ? Euicc.success(iccId) : answer.failure();
  }

  @Override
  public Outcome probe(JSONObject command, JSONObject before) {
    boolean gone = before.optBoolean("present") && euicc.mine(iccId(command)) == null;
    return gone ? Euicc.success(iccId(command)) : null;
  }

  private static String iccId(JSONObject command) {
    return Json.in(command, "removeEsimParams").optString("iccId");
  }

  /** Build.VERSION.SDK_INT_FULL: it came with API 36, and the library that this is compiled against is older. */
  private static int minor() {
    try {
      return Build.VERSION.class.getField("SDK_INT_FULL").getInt(null);
    } catch (ReflectiveOperationException older) {
      return 0;
    }
  }
}
