package org.heliograph.agent;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assume.assumeTrue;
import static org.robolectric.Shadows.shadowOf;

import android.app.AlertDialog;
import android.app.Application;
import android.app.NotificationManager;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.os.Looper;
import android.provider.Settings;
import android.telephony.euicc.EuiccManager;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.heliograph.agent.commands.Silence;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Outcomes;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;
import org.junit.Before;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.ParameterizedRobolectricTestRunner;
import org.robolectric.ParameterizedRobolectricTestRunner.Parameters;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowActivity;
import org.robolectric.shadows.ShadowDialog;
import org.robolectric.shadows.ShadowNotificationManager;

/** ADD_ESIM and REMOVE_ESIM through Android's own EuiccManager, and the screens on which a user is asked. */
@RunWith(ParameterizedRobolectricTestRunner.class)
@Config(sdk = {35, 36}, shadows = {RealPolicy.class, EuiccService.AtTheBinder.class})
public class EuiccTest {
  private static final String CODE = "LPA:1$smdp.example.com$FLEET-PLAN";
  private static final long PATIENCE_MS = 60_000;

  private final Owner.Kind kind;
  private Application app;
  private EuiccService chip;
  private AndroidPhone phone;
  private final Asked asked = new Asked();

  @Parameters(name = "{0}")
  public static Iterable<Object[]> kinds() {
    return Arrays.asList(new Object[][] {{"FULLY_MANAGED"}, {"COMPANY_OWNED_WORK_PROFILE"}, {"PERSONALLY_OWNED_WORK_PROFILE"}});
  }

  public EuiccTest(String kind) {
    this.kind = Owner.Kind.valueOf(kind);
  }

  @Before
  public void managed() {
    app = RuntimeEnvironment.getApplication();
    chip = new EuiccService(app, new FarSide(app, kind));
    phone = new AndroidPhone(app, new Memory(app));
  }

  /** What a command reports and asks while it is executed. */
  private static final class Asked implements Phone.Execution {
    final List<String> statuses = Collections.synchronizedList(new ArrayList<>());
    volatile long answerWithinMs = -1;
    volatile boolean mayBegin = true;

    @Override
    public void progress(JSONObject status) {
      statuses.add(status.optString("status"));
    }

    @Override
    public long asksUser(JSONObject status) {
      statuses.add("asks user: " + status.optString("status"));
      return answerWithinMs;
    }

    @Override
    public boolean mayBegin() {
      return mayBegin;
    }
  }

  private boolean personal() {
    return kind == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE;
  }

  private static JSONObject add(String state) {
    return Json.of("type", "ADD_ESIM", "addEsimParams", Json.of("activationCode", CODE, "activationState", state));
  }

  private static JSONObject remove(String iccId) {
    return Json.of("type", "REMOVE_ESIM", "removeEsimParams", Json.of("iccId", iccId));
  }

  private CompletableFuture<Outcome> begin(JSONObject command) {
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    new Thread(() -> {
      try {
        outcome.complete(phone.execute(command, asked));
      } catch (Throwable thrown) {
        outcome.completeExceptionally(thrown);
      }
    }).start();
    return outcome;
  }

  /** Returns once it holds; what is for the main thread happens meanwhile. */
  private static void until(BooleanSupplier holds) throws InterruptedException {
    long until = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
    while (!holds.getAsBoolean()) {
      if (System.nanoTime() > until) throw new AssertionError("waited in vain");
      shadowOf(Looper.getMainLooper()).idle();
      Thread.sleep(1);
    }
  }

  private static Outcome ended(CompletableFuture<Outcome> command) throws Exception {
    until(command::isDone);
    return command.get();
  }

  /** Executed; on a personal device with its user's consent. */
  private Outcome execute(JSONObject command) throws Exception {
    CompletableFuture<Outcome> outcome = begin(command);
    if (personal() && command.optString("type").equals("ADD_ESIM")) press(AlertDialog.BUTTON_POSITIVE);
    return ended(outcome);
  }

  /** The screen behind the notification that asks the user. */
  private Intent question() throws InterruptedException {
    until(() -> !notices().getAllNotifications().isEmpty());
    return shadowOf(notices().getAllNotifications().get(0).contentIntent).getSavedIntent();
  }

  private ShadowNotificationManager notices() {
    return shadowOf((NotificationManager) app.getSystemService(Context.NOTIFICATION_SERVICE));
  }

  private void press(int button) throws InterruptedException {
    Robolectric.buildActivity(ConsentActivity.class, question()).setup();
    AlertDialog dialog = (AlertDialog) ShadowDialog.getLatestDialog();
    assertEquals(app.getString(R.string.add_esim_question), shadowOf(dialog).getMessage().toString());
    dialog.getButton(button).performClick();
    shadowOf(Looper.getMainLooper()).idle();
  }

  @Test
  public void aProfileIsAddedAndNamed() throws Exception {
    assertEquals(null, Outcomes.of(phone.refusal(add("NOT_ACTIVATED"))));
    Outcome outcome = execute(add("NOT_ACTIVATED"));
    assertEquals("SUCCESS", Outcomes.of(outcome));
    assertEquals(EuiccService.ICC_ID, Json.in(Outcomes.status(outcome), "esimInfo").optString("iccId"));
    assertEquals("[download[" + CODE + ", false, " + app.getPackageName() + "]]", chip.calls.toString());
    assertTrue(asked.statuses.toString(), asked.statuses.contains("IN_PROGRESS"));
    assertEquals("[\"" + EuiccService.ICC_ID + "\"]", phone.look(add("")).optJSONArray("iccIds").toString());
  }

  @Test
  public void aCompanysDeviceActivatesItAndAPersonalOneLeavesThatToItsUser() throws Exception {
    if (personal()) {
      assertEquals("INVALID_VALUE", Outcomes.of(phone.refusal(add("ACTIVATED"))));
    } else {
      assertEquals("SUCCESS", Outcomes.of(execute(add("ACTIVATED"))));
      assertEquals("[download[" + CODE + ", true, " + app.getPackageName() + "]]", chip.calls.toString());
    }
  }

  @Test
  public void anErrorIsReportedWithTheNamesThatAndroidHas() throws Exception {
    chip.has(7);
    for (Field constant : EuiccManager.class.getFields()) {
      if (!constant.getName().matches("(ERROR|OPERATION)_.*") || constant.getType() != int.class) continue;
      boolean operation = constant.getName().startsWith("OPERATION_");
      String name = "android.telephony.euicc.extra.EMBEDDED_SUBSCRIPTION_" + (operation ? "OPERATION_CODE" : "ERROR_CODE");
      chip.result = EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_ERROR;
      chip.extras = new Intent().putExtra(name, constant.getInt(null));
      Outcome outcome = execute(remove(EuiccService.ICC_ID));
      assertEquals("INTERNAL_ERROR", Outcomes.of(outcome));
      JSONObject details = Json.in(Outcomes.status(outcome), "internalErrorDetails");
      assertEquals(constant.getName(), details.optString(operation ? "operationCodeDetail" : "errorCodeDetail"));
      assertEquals(constant.getInt(null), details.optInt(operation ? "operationCode" : "errorCode"));
    }
  }

  @Test
  public void aDownloadThatFailsIsAnInternalError() throws Exception {
    chip.result = EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_ERROR;
    assertEquals("INTERNAL_ERROR", Outcomes.of(execute(add("NOT_ACTIVATED"))));
  }

  /** A confirmation code, or the carrier's terms. */
  @Test
  public void theSystemsOwnQuestionReachesTheUserAndItsAnswerIsTheOutcome() throws Exception {
    for (int answer : new int[] {EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_OK, EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_ERROR}) {
      chip.has();
      chip.result = EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_RESOLVABLE_ERROR;
      PendingIntent resolution = PendingIntent.getActivity(app, 0, new Intent("com.example.euicc.ASK"), PendingIntent.FLAG_MUTABLE);
      chip.extras = new Intent().putExtra(EuiccManager.EXTRA_EMBEDDED_SUBSCRIPTION_RESOLUTION_INTENT, resolution);
      CompletableFuture<Outcome> outcome = begin(add("NOT_ACTIVATED"));
      if (personal()) press(AlertDialog.BUTTON_POSITIVE);
      until(() -> asked.statuses.contains("PENDING_USER_ACTION"));
      ResolveActivity screen = Robolectric.buildActivity(ResolveActivity.class, question()).create().get();
      ShadowActivity.IntentSenderRequest shown = shadowOf(screen).getLastIntentSenderRequest();
      assertEquals(resolution.getIntentSender(), shown.intentSender);
      PendingIntent callback = shown.fillInIntent.getParcelableExtra(EuiccManager.EXTRA_EMBEDDED_SUBSCRIPTION_RESOLUTION_CALLBACK_INTENT);
      if (answer == EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_OK) chip.has(7);
      chip.answer(callback, answer, new Intent());
      assertEquals(answer == 0 ? "SUCCESS" : "INTERNAL_ERROR", Outcomes.of(ended(outcome)));
      assertEquals(1, chip.calls.size());
      assertTrue(notices().getAllNotifications().isEmpty());
      chip.calls.clear();
      asked.statuses.clear();
    }
  }

  @Test
  public void aServiceThatDoesNotAnswerIsNoSuccess() throws Exception {
    chip.result = EuiccService.SILENT;
    assertEquals("UNKNOWN", Outcomes.of(Silence.after(1, new Owner(app))));
  }

  @Test
  public void aProfileOfThisAppIsRemovedAndNoOther() throws Exception {
    chip.has(7);
    assertEquals("ERROR_ICC_ID_NOT_FOUND", Outcomes.of(execute(remove("8999034758475382817"))));
    assertEquals("[]", chip.calls.toString());
    Outcome outcome = execute(remove(EuiccService.ICC_ID));
    assertEquals("SUCCESS", Outcomes.of(outcome));
    assertEquals(EuiccService.ICC_ID, Json.in(Outcomes.status(outcome), "esimInfo").optString("iccId"));
    assertEquals("[delete[7, " + app.getPackageName() + "]]", chip.calls.toString());
  }

  @Test
  public void afterACrashTheChipSaysWhetherItWasDone() {
    JSONObject adding = phone.before(add(""));
    assertEquals(null, phone.probe(add(""), adding));
    chip.has(7);
    assertEquals("SUCCESS", Outcomes.of(phone.probe(add(""), adding)));
    JSONObject removing = phone.before(remove(EuiccService.ICC_ID));
    assertEquals(null, phone.probe(remove(EuiccService.ICC_ID), removing));
    chip.has();
    assertEquals("SUCCESS", Outcomes.of(phone.probe(remove(EuiccService.ICC_ID), removing)));
  }

  @Test
  public void aPhoneWithoutAChipOrStillBeingSetUpSaysSoBefore() {
    Settings.Secure.putInt(app.getContentResolver(), "user_setup_complete", 0);
    assertEquals("ERROR_SETUP_IN_PROGRESS", Outcomes.of(phone.refusal(add(""))));
    EuiccService.AtTheBinder.service = null;
    assertEquals("UNSUPPORTED", Outcomes.of(phone.refusal(add(""))));
    assertEquals("UNSUPPORTED", Outcomes.of(phone.refusal(remove(EuiccService.ICC_ID))));
  }

  @Test
  public void aPersonalDevicesUserDecidesFirst() throws Exception {
    assumeTrue(personal());
    CompletableFuture<Outcome> declined = begin(add("NOT_ACTIVATED"));
    press(AlertDialog.BUTTON_NEGATIVE);
    assertEquals("ERROR_USER_DENIED", Outcomes.of(ended(declined)));
    asked.answerWithinMs = 1;
    assertEquals("NOT_STARTED", Outcomes.of(ended(begin(add("NOT_ACTIVATED")))));
    asked.answerWithinMs = -1;
    asked.mayBegin = false; // the command expired while they thought about it
    assertEquals("NOT_STARTED", Outcomes.of(execute(add("NOT_ACTIVATED"))));
    assertEquals("[]", chip.calls.toString());
    assertEquals("asks user: PENDING_USER_ACTION", asked.statuses.get(0));
  }
}
