package org.heliograph.agent.commands;

import android.telephony.SubscriptionInfo;
import android.telephony.euicc.DownloadableSubscription;
import java.util.Set;
import org.heliograph.agent.Consent;
import org.heliograph.agent.Owner;
import org.heliograph.agent.R;
import org.heliograph.agent.ResolveActivity;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONArray;
import org.json.JSONObject;

/** ADD_ESIM. On a personal device its user is asked first, and the profile is never activated for them. */
final class AddEsim implements Command {
  private final Owner owner;
  private final Euicc euicc;

  AddEsim(Owner owner, Euicc euicc) {
    this.owner = owner;
    this.euicc = euicc;
  }

  @Override
  public Outcome objection(JSONObject command) {
    String wish = Json.in(command, "addEsimParams").optString("activationState");
    if (personal() && wish.equals("ACTIVATED")) {
      return Outcome.failed("INVALID_VALUE", "on a personally-owned device its user activates the eSIM");
    }
    return euicc.objection();
  }

  @Override
  public JSONObject before(JSONObject command) {
    return Json.of("mine", new JSONArray(euicc.mine()));
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) throws InterruptedException {
    if (personal()) {
      long withinMs = execution.asksUser(Json.of("status", "PENDING_USER_ACTION"));
      Consent.Answer answer = Consent.ask(owner.context, owner.context.getString(R.string.add_esim_question), withinMs);
      if (answer == Consent.Answer.NONE) return Outcome.NOT_STARTED;
      if (answer == Consent.Answer.DECLINED) return Outcome.failed(Json.of("status", "ERROR_USER_DENIED"));
      if (!execution.mayBegin()) return Outcome.NOT_STARTED;
    }
    JSONObject params = Json.in(command, "addEsimParams");
    boolean activate = !personal() && !params.optString("activationState").equals("NOT_ACTIVATED");
    Set<Integer> before = euicc.mine();
    execution.progress(Json.of("status", "IN_PROGRESS"));
    DownloadableSubscription wanted = DownloadableSubscription.forActivationCode(params.optString("activationCode"));
    Euicc.Answer answer = euicc.ask(pending -> euicc.manager().downloadSubscription(wanted, activate, pending));
    if (answer.resolvable()) {
      // A confirmation code, or the carrier's terms: the system's own screen asks for it.
      execution.progress(Json.of("status", "PENDING_USER_ACTION"));
      Euicc.Answer question = answer;
      try {
        answer = euicc.ask(pending -> ResolveActivity.show(owner.context, question.intent, pending));
      } finally {
        ResolveActivity.withdraw(owner.context);
      }
    }
    return ended(answer, before);
  }

  @Override
  public Outcome probe(JSONObject command, JSONObject before) {
    JSONArray mine = before.optJSONArray("mine");
    for (int id : euicc.mine()) {
      boolean old = false;
      for (int i = 0; mine != null && i < mine.length(); i++) old |= mine.optInt(i) == id;
      if (!old) return Euicc.success(iccId(id));
    }
    return null;
  }

  private Outcome ended(Euicc.Answer answer, Set<Integer> before) {
    if (!answer.ok()) return answer.failure();
    for (int id : euicc.mine()) {
      if (!before.contains(id)) return Euicc.success(iccId(id));
    }
    return Euicc.success("");
  }

  private String iccId(int id) {
    SubscriptionInfo info = euicc.subscription(id);
    return info == null || info.getIccId() == null ? "" : info.getIccId();
  }

  private boolean personal() {
    return owner.kind() == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
  }
}
