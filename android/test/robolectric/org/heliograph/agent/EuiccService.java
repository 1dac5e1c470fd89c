package org.heliograph.agent;

import static org.robolectric.Shadows.shadowOf;

import android.app.Application;
import android.app.PendingIntent;
import android.content.Context;
import android.content.Intent;
import android.telephony.SubscriptionInfo;
import android.telephony.SubscriptionManager;
import android.telephony.euicc.DownloadableSubscription;
import android.telephony.euicc.EuiccManager;
import com.android.internal.telephony.euicc.IEuiccController;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadows.ShadowSubscriptionManager.SubscriptionInfoBuilder;

/** A stand-in for the service that drives an eSIM chip: the far side of Android's own EuiccManager. */
final class EuiccService {
  static final String ICC_ID = "8999034758475382816";
  /** No answer comes. */
  static final int SILENT = -2;

  /** What reached the service: "method[arguments]". */
  final List<String> calls = Collections.synchronizedList(new ArrayList<>());
  /** EuiccManager's result of the next request. */
  volatile int result = EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_OK;
  /** What its answer holds besides. */
  volatile Intent extras = new Intent();

  private final Application app;
  private final FarSide system;

  EuiccService(Application app, FarSide system) {
    this.app = app;
    this.system = system;
    AtTheBinder.service = (IEuiccController) Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {IEuiccController.class},
        (proxy, method, arguments) -> taken(method.getName(), method.getReturnType(), arguments));
    has();
  }

  /** The chip holds these subscriptions, all of which this app added. */
  void has(int... ids) {
    List<SubscriptionInfo> infos = new ArrayList<>();
    for (int id : ids) infos.add(SubscriptionInfoBuilder.newBuilder().setId(id).setIccId(ICC_ID).buildSubscriptionInfo());
    shadowOf((SubscriptionManager) app.getSystemService(Context.TELEPHONY_SUBSCRIPTION_SERVICE)).setAccessibleSubscriptionInfoList(infos);
    system.subscriptions = ids;
  }

  /** As the system sends a PendingIntent with a result. */
  void answer(PendingIntent to, int result, Intent extras) {
    Intent intent = new Intent(shadowOf(to).getSavedIntent()).putExtras(extras);
    app.sendOrderedBroadcast(intent, null, null, null, result, null, null);
  }

  private Object taken(String name, Class<?> type, Object[] arguments) {
    switch (name) {
      case "downloadSubscription":
        String code = ((DownloadableSubscription) arguments[1]).getEncodedActivationCode();
        calls.add("download[" + code + ", " + arguments[2] + ", " + arguments[3] + "]");
        return answered((PendingIntent) arguments[5], 7);
      case "deleteSubscription":
        calls.add("delete[" + arguments[1] + ", " + arguments[2] + "]");
        return answered((PendingIntent) arguments[3]);
      default:
        return type == boolean.class ? (Object) true : type == int.class ? (Object) 0 : null;
    }
  }

  private Object answered(PendingIntent to, int... leaves) {
    if (result == SILENT) return null;
    if (result == EuiccManager.EMBEDDED_SUBSCRIPTION_RESULT_OK) has(leaves);
    new Thread(() -> answer(to, result, extras)).start();
    return null;
  }

  /** Android's own EuiccManager, which finds the stand-in where it looks for the service. */
  @Implements(EuiccManager.class)
  public static final class AtTheBinder {
    static volatile IEuiccController service;

    @Implementation
    protected static IEuiccController getIEuiccController() {
      return service;
    }

    @Implementation
    protected int getCardIdForDefaultEuicc() {
      return 0;
    }
  }
}
