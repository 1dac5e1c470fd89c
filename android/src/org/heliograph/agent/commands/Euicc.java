package org.heliograph.agent.commands;

import android.app.PendingIntent;
import android.content.BroadcastReceiver;
import android.content.Context;
import android.content.Intent;
import android.content.IntentFilter;
import android.os.Handler;
import android.os.HandlerThread;
import android.provider.Settings;
import android.telephony.SubscriptionInfo;
import android.telephony.SubscriptionManager;
import android.telephony.euicc.EuiccManager;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.json.JSONObject;

/** The eSIM chip, as an owner may use it from Android 15 on. */
public final class Euicc {
  private static final long ANSWERS_WITHIN_MIN = 10;
  /** Activity.RESULT_CANCELED is EuiccManager's "it is done". */
  private static final int NO_ANSWER = -1;
  private static final String CODE = "org.heliograph.agent.CODE";
  /** By EuiccManager.OPERATION_*.  Source: disc, InternalErrorDetails.operationCodeDetail. */
  private static final String[] OPERATIONS = {
    null, "OPERATION_SYSTEM", "OPERATION_SIM_SLOT", "OPERATION_EUICC_CARD", "OPERATION_SWITCH",
    "OPERATION_DOWNLOAD", "OPERATION_METADATA", "OPERATION_EUICC_GSMA", "OPERATION_APDU", "OPERATION_SMDX",
    "OPERATION_SMDX_SUBJECT_REASON_CODE", "OPERATION_HTTP",
  };
  /** By EuiccManager.ERROR_*, which begin at 10000.  Source: disc, InternalErrorDetails.errorCodeDetail. */
  private static final String[] ERRORS = {
    "ERROR_CARRIER_LOCKED", "ERROR_INVALID_ACTIVATION_CODE", "ERROR_INVALID_CONFIRMATION_CODE", "ERROR_INCOMPATIBLE_CARRIER",
    "ERROR_EUICC_INSUFFICIENT_MEMORY", "ERROR_TIME_OUT", "ERROR_EUICC_MISSING", "ERROR_UNSUPPORTED_VERSION", "ERROR_SIM_MISSING",
    "ERROR_INSTALL_PROFILE", "ERROR_DISALLOWED_BY_PPR", "ERROR_ADDRESS_MISSING", "ERROR_CERTIFICATE_ERROR",
    "ERROR_NO_PROFILES_AVAILABLE", "ERROR_CONNECTION_ERROR", "ERROR_INVALID_RESPONSE", "ERROR_OPERATION_BUSY", "ERROR_INVALID_PORT",
  };
  private static final int FIRST_ERROR = 10_000;

  private final Owner owner;
  private final long answersWithinMs;

  public Euicc(Owner owner) {
    this(owner, TimeUnit.MINUTES.toMillis(ANSWERS_WITHIN_MIN));
  }

  Euicc(Owner owner, long answersWithinMs) {
    this.owner = owner;
    this.answersWithinMs = answersWithinMs;
  }

  EuiccManager manager() {
    return (EuiccManager) owner.context.getSystemService(Context.EUICC_SERVICE);
  }

  Outcome objection() {
    EuiccManager manager = manager();
    if (manager == null || !manager.isEnabled()) return Outcome.failed("UNSUPPORTED", "the phone has no eSIM chip");
    boolean settingUp = Settings.Secure.getInt(owner.context.getContentResolver(), "user_setup_complete", 1) == 0;
    return settingUp ? Outcome.failed(Json.of("status", "ERROR_SETUP_IN_PROGRESS")) : null;
  }

  /** The ids of the subscriptions that this app added. */
  public Set<Integer> mine() {
    Set<Integer> ids = owner.policy.getSubscriptionIds();
    return ids == null ? new HashSet<>() : ids;
  }

  /** The subscription of this id, null if it is not there. */
  public SubscriptionInfo subscription(int id) {
    SubscriptionManager manager = (SubscriptionManager) owner.context.getSystemService(Context.TELEPHONY_SUBSCRIPTION_SERVICE);
    List<SubscriptionInfo> all = manager == null ? null : manager.getAccessibleSubscriptionInfoList();
    for (int i = 0; all != null && i < all.size(); i++) {
      if (all.get(i).getSubscriptionId() == id) return all.get(i);
    }
    return null;
  }

  /** This app's subscription with the ICC id, null if there is none. */
  SubscriptionInfo mine(String iccId) {
    for (int id : mine()) {
      SubscriptionInfo info = subscription(id);
      if (info != null && iccId.equals(info.getIccId())) return info;
    }
    return null;
  }

  static Outcome success(String iccId) {
    return Outcome.done(Json.of("status", "SUCCESS", "esimInfo", iccId.isEmpty() ? null : Json.of("iccId", iccId)));
  }

  interface Request {
    void ask(PendingIntent answer);
  }

  /** What the chip's service answered, if it did. */
  Answer ask(Request request) throws InterruptedException {
    String action = owner.context.getPackageName() + ".EUICC." + UUID.randomUUID();
    BlockingQueue<Intent> answers = new LinkedBlockingQueue<>();
    HandlerThread thread = new HandlerThread("euicc");
    thread.start();
    BroadcastReceiver receiver = new BroadcastReceiver() {
      @Override
      public void onReceive(Context context, Intent intent) {
        answers.add(intent.putExtra(CODE, getResultCode()));
      }
    };
    owner.context.registerReceiver(
        receiver, new IntentFilter(action), null, new Handler(thread.getLooper()), Context.RECEIVER_NOT_EXPORTED);
    try {
      Intent intent = new Intent(action).setPackage(owner.context.getPackageName());
      request.ask(PendingIntent.getBroadcast(owner.context, 0, intent, PendingIntent.FLAG_MUTABLE | PendingIntent.FLAG_ONE_SHOT));
      return new Answer(answers.poll(answersWithinMs, TimeUnit.MILLISECONDS));
    } finally {
      owner.context.unregisterReceiver(receiver);
      thread.quit();
    }
  }

  /** An answer of the chip's service; none came if the intent is null. */
  static final class Answer {
    final Intent intent;
    private final int code;

    Answer(Intent intent) {
      this.intent = intent;
      code = intent == null ? NO_ANSWER : intent.getIntExtra(CODE, NO_ANSWER);
    }

    boolean ok() {
      return code == EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_OK;
    }

    /** Its user must do something first. */
    boolean resolvable() {
      return code == EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_RESOLVABLE_ERROR;
    }

    Outcome failure() {
      if (intent == null) return Outcome.failed("UNKNOWN", "the eSIM service gave no answer");
      int operation = intent.getIntExtra(EuiccManager.EXTRA_EMBEDDED_SUBSCRIPTION_OPERATION_CODE, 0);
      int error = intent.getIntExtra(EuiccManager.EXTRA_EMBEDDED_SUBSCRIPTION_ERROR_CODE, 0);
      JSONObject details = Json.of("operationCode", String.valueOf(operation), "errorCode", String.valueOf(error),
          "operationCodeDetail", name(OPERATIONS, operation), "errorCodeDetail", name(ERRORS, error - FIRST_ERROR));
      return Outcome.failed(Json.of("status", "INTERNAL_ERROR", "internalErrorDetails", details));
    }

    private static String name(String[] names, int number) {
      return number >= 0 && number < names.length ? names[number] : null;
    }
  }
}
