package org.heliograph.agent;

import android.app.admin.IDevicePolicyManager;
import android.content.ComponentName;
import android.content.Context;
import android.content.pm.IPackageDataObserver;
import android.os.Bundle;
import android.os.RemoteCallback;
import android.os.UserManager;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.robolectric.Shadows;
import org.robolectric.util.ReflectionHelpers;

/** The far side of the binder: records what reaches the system, and answers as the system of a managed phone would. */
final class FarSide {
  /** What reached the system: "method[arguments]". */
  final List<String> calls = Collections.synchronizedList(new ArrayList<>());
  volatile boolean onCall;
  volatile boolean tokenActive = true;
  volatile boolean weakPassword;
  volatile boolean barred;
  /** The ids of those that this app added. */
  volatile int[] subscriptions = {};

  private final Owner.Kind kind;
  private final ComponentName admin;
  private volatile byte[] token;
  private volatile List<String> lockTaskPackages = Collections.emptyList();

  FarSide(Context context, Owner.Kind kind) {
    this.kind = kind;
    admin = new ComponentName(context, AdminReceiver.class);
    Object service = Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {IDevicePolicyManager.class},
        (proxy, method, arguments) -> answer(method.getName(), method.getReturnType(), arguments == null ? new Object[0] : arguments));
    ReflectionHelpers.setField(context.getSystemService(Context.DEVICE_POLICY_SERVICE), "mService", service);
    UserManager users = (UserManager) context.getSystemService(Context.USER_SERVICE);
    Shadows.shadowOf(users).setManagedProfile(kind != Owner.Kind.FULLY_MANAGED);
  }

  /** The names of the methods that were called. */
  List<String> names() {
    List<String> names = new ArrayList<>();
    for (String call : calls) names.add(call.substring(0, call.indexOf('[')));
    return names;
  }

  /** The first call of a method whose name begins like this, null if there was none. */
  String call(String name) {
    for (String call : calls) {
      if (call.startsWith(name)) return call;
    }
    return null;
  }

  private Object answer(String name, Class<?> type, Object[] arguments) throws Throwable {
    boolean fully = kind == Owner.Kind.FULLY_MANAGED;
    switch (name) {
      case "getDeviceOwnerComponent":
      case "getDeviceOwnerComponentOnUser":
        return fully ? admin : null;
      case "getProfileOwner":
      case "getProfileOwnerAsUser":
        return fully ? null : admin;
      case "isOrganizationOwnedDeviceWithManagedProfile":
        return kind == Owner.Kind.COMPANY_OWNED_WORK_PROFILE;
      case "isManagedProfile":
        return !fully;
      case "isResetPasswordTokenActive":
        return tokenActive && token != null;
      case "getSubscriptionIds":
        return subscriptions;
      case "isLockTaskPermitted":
        return lockTaskPackages.contains(arguments[0]);
      default:
        calls.add(name + shown(arguments));
        return effect(name, type, arguments);
    }
  }

  private Object effect(String name, Class<?> type, Object[] arguments) throws Throwable {
    if (name.startsWith("wipe") && barred) throw new SecurityException("the restriction no_factory_reset is set");
    if (name.equals("reboot") && onCall) throw new IllegalStateException("Cannot be called with ongoing call on the device");
    if (name.equals("setResetPasswordToken")) token = (byte[]) arguments[arguments.length - 1];
    if (name.equals("setLockTaskPackages")) lockTaskPackages = packages(arguments);
    if (name.equals("clearApplicationUserData")) {
      ((IPackageDataObserver) arguments[2]).onRemoveCompleted((String) arguments[1], !"org.heliograph.agent".equals(arguments[1]));
    }
    for (Object argument : arguments) {
      if (argument instanceof RemoteCallback) ((RemoteCallback) argument).sendResult(new Bundle()); // who asked waits for it
    }
    if (name.startsWith("resetPassword")) return !weakPassword;
    if (type == boolean.class) return name.equals("setResetPasswordToken") || name.equals("setPermissionGrantState");
    return type == int.class ? (Object) 0 : type == long.class ? (Object) 0L : null;
  }

  /** From Android 14 on there is the caller's name before them. */
  private static List<String> packages(Object[] arguments) {
    return Arrays.asList((String[]) arguments[arguments.length - 1]);
  }

  private static String shown(Object[] arguments) {
    List<String> shown = new ArrayList<>();
    for (Object argument : arguments) {
      boolean named = argument instanceof String || argument instanceof Number || argument instanceof Boolean;
      shown.add(named ? String.valueOf(argument) : argument instanceof ComponentName ? "admin" : argument == null ? "null" : "…");
    }
    return shown.toString();
  }
}
