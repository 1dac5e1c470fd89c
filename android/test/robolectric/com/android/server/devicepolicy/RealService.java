package com.android.server.devicepolicy;

import android.app.ActivityManager;
import android.app.IActivityManager;
import android.app.admin.IDevicePolicyManager;
import android.content.ComponentName;
import android.content.Context;
import android.content.ContextWrapper;
import android.content.Intent;
import android.content.pm.ActivityInfo;
import android.content.pm.ApplicationInfo;
import android.content.pm.IPackageDataObserver;
import android.content.pm.PackageManager;
import android.content.pm.PackageManagerInternal;
import android.content.pm.PermissionInfo;
import android.content.pm.UserInfo;
import android.os.Binder;
import android.os.Environment;
import android.os.Looper;
import android.os.Process;
import android.os.UserHandle;
import android.os.UserManager;
import android.os.storage.StorageManager;
import android.permission.AdminPermissionControlParams;
import android.service.persistentdata.PersistentDataBlockManager;
import com.android.internal.widget.LockscreenCredential;
import com.android.server.LocalServices;
import com.android.server.pm.UserManagerInternal;
import com.android.server.wm.ActivityTaskManagerInternal;
import java.io.File;
import java.lang.reflect.Array;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedList;
import java.util.List;
import java.util.ListIterator;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.mockito.Answers;
import org.mockito.Mockito;
import org.mockito.invocation.InvocationOnMock;
import org.robolectric.annotation.Implementation;
import org.robolectric.annotation.Implements;
import org.robolectric.shadow.api.Shadow;
import org.robolectric.shadows.ShadowActivityManager;
import org.robolectric.shadows.ShadowBinder;
import org.robolectric.shadows.ShadowContextImpl;
import org.robolectric.shadows.ShadowProcess;
import org.robolectric.util.ReflectionHelpers;

/**
 * Android's own DevicePolicyManagerService, in this JVM. Who owns what, who may do what, which restrictions hold: its code and its state
 * decide. The services of Android that it uses are played: what it asks of them is recorded, and answered as on a phone.
 */
public final class RealService {
  public static final int OWNER = 0;
  public static final int WORK = 10;
  /** What is worth recording of all that it asks: what changes the phone. */
  private static final Set<String> EFFECTS = new HashSet<>(Arrays.asList(
      "clearApplicationUserData", "lockNow", "powerManagerGoToSleep", "powerManagerReboot", "recoverySystemRebootWipeUserData",
      "removeUserEvenWhenDisallowed", "requireStrongAuth", "setDeviceLockedForUser", "setDeviceOwnerInfo", "setLockCredentialWithToken",
      "setRuntimePermissionGrantStateByDeviceAdmin", "updateLockTaskPackages", "wipe", "wipeAdoptableDisks"));
  /** Services that it finds by itself. */
  private static final Class<?>[] LOCAL = {UserManagerInternal.class, PackageManagerInternal.class, ActivityTaskManagerInternal.class};

  /** "method[arguments]". */
  public final List<String> effects = Collections.synchronizedList(new ArrayList<>());
  /** What a user may not do. */
  public final Set<String> restrictions = Collections.synchronizedSet(new HashSet<>());
  public volatile boolean onCall;
  public volatile boolean tokenActive = true;
  public volatile boolean separateLock;

  private final Context context;
  private final ComponentName admin;
  private final File folder;
  private final Map<Class<?>, Object> played = new HashMap<>();
  private final IDevicePolicyManager service;

  /** The service of a phone on which no one owns anything, and an app of this user. */
  public RealService(Context context, Class<?> receiver, int user) throws ReflectiveOperationException {
    this.context = context;
    Activities.of = this;
    Caller.uid = Process.SYSTEM_UID;
    Caller.ITSELF.set(false);
    admin = new ComponentName(context, receiver);
    folder = new File(context.getCacheDir(), "system");
    folder.mkdirs();
    ShadowProcess.setUid(UserHandle.getUid(user, UserHandle.getAppId(Process.myUid())));
    ((ShadowContextImpl) Shadow.extract(((ContextWrapper) context).getBaseContext())).setUserId(user);
    // Not this machine's /data.
    ReflectionHelpers.setStaticField(Environment.class, "DIR_ANDROID_DATA", new File(context.getCacheDir(), "data"));
    Class<?> type = Class.forName("com.android.server.devicepolicy.DevicePolicyManagerService$Injector");
    Object injector = Mockito.mock(type, Mockito.withSettings().defaultAnswer(this::injected));
    ReflectionHelpers.setField(injector, "mContext", new SystemContext());
    Map<Class<?>, Object> local = ReflectionHelpers.getStaticField(LocalServices.class, "sLocalServiceObjects");
    local.clear(); // of the phone before
    for (Class<?> of : LOCAL) local.put(of, played(of));
    service = (IDevicePolicyManager) made(type, injector);
    ReflectionHelpers.setField(context.getSystemService(Context.DEVICE_POLICY_SERVICE), "mService", overTheBinder());
  }

  /** As the binder does it: each call comes in the name of its caller. */
  private Object overTheBinder() {
    return Proxy.newProxyInstance(getClass().getClassLoader(), new Class<?>[] {IDevicePolicyManager.class}, (proxy, method, arguments) -> {
      boolean before = Caller.ITSELF.get();
      Caller.ITSELF.set(false);
      try {
        return method.invoke(service, arguments);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      } finally {
        Caller.ITSELF.set(before);
      }
    });
  }

  /** The agent's app owns the device, or the work profile. */
  public void own(String kind) throws Throwable {
    int user = UserHandle.getUserId(Process.myUid());
    asSystem("setActiveAdmin", admin, false, user);
    boolean taken = (Boolean) (kind.equals("FULLY_MANAGED") ? asSystem("setDeviceOwner", admin, user) : asSystem("setProfileOwner", admin, user));
    if (!taken) throw new IllegalStateException("the system does not take the owner");
    if (kind.equals("COMPANY_OWNED_WORK_PROFILE")) {
      if (has("setProfileOwnerOnOrganizationOwnedDevice")) asSystem("setProfileOwnerOnOrganizationOwnedDevice", admin, user, true);
      else asSystem("markProfileOwnerOnOrganizationOwnedDevice", admin, user);
    }
  }

  /** What `adb shell dpm remove-active-admin` asks for. */
  public void removeOwner() throws Throwable {
    as(Process.SHELL_UID, "forceRemoveActiveAdmin", admin, UserHandle.getUserId(Process.myUid()));
  }

  /** From now on it is the app that calls, with an app's permissions. */
  public void callerIsTheApp() {
    Caller.uid = Process.myUid();
    effects.clear();
  }

  /** The effects whose names begin like this. */
  public List<String> effects(String name) {
    List<String> found = new ArrayList<>();
    for (String effect : effects) {
      if (effect.startsWith(name)) found.add(effect);
    }
    return found;
  }

  /** What `ActivityManager.getService()` is on this phone. */
  IActivityManager activities() {
    return (IActivityManager) played(IActivityManager.class);
  }

  /** Without it, Robolectric's own stands there and does nothing. */
  @Implements(ActivityManager.class)
  public static class Activities extends ShadowActivityManager {
    static volatile RealService of;

    @Implementation
    protected static IActivityManager getService() {
      return of.activities();
    }
  }

  /** Who calls the service, and that it may call others in its own name meanwhile. */
  @Implements(Binder.class)
  public static class Caller extends ShadowBinder {
    static volatile int uid;
    private static final ThreadLocal<Boolean> ITSELF = ThreadLocal.withInitial(() -> false);

    @Implementation
    protected static int getCallingUid() {
      return ITSELF.get() ? Process.SYSTEM_UID : uid;
    }

    @Implementation
    protected static UserHandle getCallingUserHandle() {
      return UserHandle.getUserHandleForUid(getCallingUid());
    }

    @Implementation
    protected static long clearCallingIdentity() {
      long before = ITSELF.get() ? 1 : 0;
      ITSELF.set(true);
      return before;
    }

    @Implementation
    protected static void restoreCallingIdentity(long before) {
      ITSELF.set(before == 1);
    }
  }

  private Object made(Class<?> type, Object injector) throws ReflectiveOperationException {
    for (Constructor<?> constructor : DevicePolicyManagerService.class.getDeclaredConstructors()) {
      Class<?>[] parameters = constructor.getParameterTypes();
      if (parameters.length == 0 || parameters[0] != type) continue;
      Object[] arguments = new Object[parameters.length];
      arguments[0] = injector;
      for (int i = 1; i < arguments.length; i++) {
        arguments[i] = Mockito.mock(parameters[i], Answers.CALLS_REAL_METHODS);
      }
      constructor.setAccessible(true);
      return constructor.newInstance(arguments);
    }
    throw new NoSuchMethodException("a constructor that takes an injector");
  }

  private boolean has(String name) {
    for (Method method : service.getClass().getMethods()) {
      if (method.getName().equals(name)) return true;
    }
    return false;
  }

  private Object asSystem(String name, Object... given) throws Throwable {
    return as(Process.SYSTEM_UID, name, given);
  }

  /** Calls the system's own interface in this name; what a level has besides is false, 0 or null. */
  private Object as(int uid, String name, Object... given) throws Throwable {
    int before = Caller.uid;
    Caller.uid = uid;
    try {
      return called(name, given);
    } finally {
      Caller.uid = before;
    }
  }

  private Object called(String name, Object... given) throws Throwable {
    for (Method method : service.getClass().getMethods()) {
      if (!method.getName().equals(name)) continue;
      List<Object> left = new LinkedList<>(Arrays.asList(given));
      Object[] arguments = new Object[method.getParameterCount()];
      for (int i = 0; i < arguments.length; i++) arguments[i] = taken(left, method.getParameterTypes()[i]);
      try {
        return method.invoke(service, arguments);
      } catch (InvocationTargetException thrown) {
        throw thrown.getCause();
      }
    }
    throw new NoSuchMethodException(name);
  }

  private static Object taken(List<Object> left, Class<?> type) {
    for (ListIterator<Object> values = left.listIterator(); values.hasNext(); ) {
      Object value = values.next();
      boolean primitive = type == int.class && value instanceof Integer || type == boolean.class && value instanceof Boolean;
      if (!primitive && !type.isInstance(value)) continue;
      values.remove();
      return value;
    }
    return type == boolean.class ? (Object) false : type == int.class ? (Object) 0 : null;
  }

  /** What the service takes from the system around it. */
  private Object injected(InvocationOnMock call) throws Throwable {
    Method method = call.getMethod();
    Class<?> type = method.getReturnType();
    record(call);
    switch (method.getName()) {
      case "getMyLooper":
        return Looper.getMainLooper();
      case "recoverySystemRebootWipeUserData":
        return type == boolean.class ? (Object) true : null;
      case "hasFeature":
      case "storageManagerIsFileBasedEncryptionEnabled":
      case "isChangeEnabled": // for apps of this target level
        return true;
      default:
        break;
    }
    if (method.getName().matches("(binder|userHandle).*|newOwners|newTransferOwnershipMetadataManager|settings.*(Get|Put).*")) {
      return call.callRealMethod();
    }
    if (type == File.class) return folder;
    if (type == String.class) return folder.getPath() + "/";
    boolean playable = !type.isPrimitive() && !type.isArray() && !Modifier.isFinal(type.getModifiers());
    return playable ? played(type) : Answers.RETURNS_DEFAULTS.answer(call);
  }

  private void record(InvocationOnMock call) {
    String name = call.getMethod().getName();
    if (EFFECTS.contains(name)) effects.add(name + shown(call.getArguments()));
    if (name.equals("powerManagerReboot")) Thread.currentThread().interrupt(); // the phone goes down, and with it who asked
  }

  private static String shown(Object[] arguments) {
    List<String> shown = new ArrayList<>();
    for (Object argument : arguments) shown.add(shown(argument));
    return shown.toString();
  }

  private static String shown(Object argument) {
    if (argument instanceof LockscreenCredential) return new String(((LockscreenCredential) argument).getCredential(), StandardCharsets.UTF_8);
    if (argument instanceof byte[]) return ((byte[]) argument).length + " bytes";
    if (argument instanceof Object[]) return Arrays.toString((Object[]) argument);
    boolean named = argument instanceof CharSequence || argument instanceof Number || argument instanceof Boolean;
    return argument == null || named || argument instanceof AdminPermissionControlParams ? String.valueOf(argument) : "…";
  }

  private synchronized Object played(Class<?> type) {
    Object known = played.get(type);
    if (known == null) {
      known = Mockito.mock(type, Mockito.withSettings().defaultAnswer(call -> answer(type, call)));
      played.put(type, known);
    }
    return known;
  }

  /** How the rest of the system answers. */
  private Object answer(Class<?> of, InvocationOnMock call) throws Throwable {
    Class<?> type = call.getMethod().getReturnType();
    PackageManager packages = context.getPackageManager();
    record(call);
    switch (call.getMethod().getName()) {
      case "isUserRunning":
      case "isUserUnlocked":
      case "isUserUnlockingOrUnlocked":
      case "isInstalled":
      case "isSameApp":
      case "hasSecureLockScreen":
      case "setLockCredentialWithToken":
      case "removeUserEvenWhenDisallowed":
        return true;
      case "isEscrowTokenActive":
        return tokenActive;
      case "isSeparateProfileChallengeEnabled":
        return separateLock && call.getArgument(0).equals(WORK);
      case "addEscrowToken":
        return 42L;
      case "getCallState":
        return onCall ? 2 : 0;
      case "hasUserRestriction":
        return restrictions.contains(call.<String>getArgument(0));
      case "getUserRestrictionSource":
        return restrictions.contains(call.<String>getArgument(0)) ? UserManager.RESTRICTION_SOURCE_SYSTEM : UserManager.RESTRICTION_NOT_SET;
      case "clearApplicationUserData":
        String cleared = call.getArgument(0);
        if (cleared.equals(context.getPackageName())) throw new SecurityException("an owner's app is protected");
        call.<IPackageDataObserver>getArgument(2).onRemoveCompleted(cleared, true);
        return true;
      case "calculateEnterpriseId":
        return "ENTERPRISE-" + call.getArgument(call.getArguments().length - 1);
      case "setRuntimePermissionGrantStateByDeviceAdmin":
      case "setRuntimePermissionGrantStateByDeviceAdminFromParent":
        call.<Consumer<Boolean>>getArgument(call.getArguments().length - 1).accept(true);
        return null;
      case "isManagedProfile":
        return call.getArguments().length > 0 ? call.<Object>getArgument(0).equals(WORK) : Binder.getCallingUserHandle().getIdentifier() == WORK;
      case "getProfileParent":
        return type == UserInfo.class ? user(OWNER) : (Object) UserHandle.of(OWNER);
      case "getProfileParentId":
        return OWNER;
      case "getUserInfo":
        return user(call.<Integer>getArgument(0));
      case "getUserIds":
        return new int[] {OWNER, WORK};
      case "queryBroadcastReceiversAsUser":
        return packages.queryBroadcastReceivers(call.<Intent>getArgument(0), 0);
      case "getPackageInfo":
        return packages.getPackageInfo(call.<String>getArgument(0), 0);
      case "getPermissionInfo":
        PermissionInfo permission = new PermissionInfo();
        permission.protectionLevel = PermissionInfo.PROTECTION_DANGEROUS;
        return permission;
      case "getReceiverInfo":
        return ofThisUser(packages.getReceiverInfo(call.getArgument(0), PackageManager.GET_META_DATA));
      case "getApplicationInfo":
        return packages.getApplicationInfo(call.<String>getArgument(0), 0);
      case "getPackageUid":
      case "getPackageUidAsUser":
        return Process.myUid();
      case "getAppId":
        return UserHandle.getAppId(Process.myUid());
      case "getPackagesForUid":
        return new String[] {context.getPackageName()};
      case "getPackageStates":
        return Collections.singletonMap(context.getPackageName(), played(Class.forName("com.android.server.pm.pkg.PackageState")));
      case "getUserStateOrDefault":
      case "withUnfilteredSnapshot":
        return played(type);
      default:
        break;
    }
    if (of == PackageManager.class) return asRobolectric(call, packages);
    if (type == UserInfo[].class) return new UserInfo[] {user(OWNER), user(WORK)};
    if (type == int[].class) return new int[] {OWNER, WORK};
    if (type.isArray()) return Array.newInstance(type.getComponentType(), 0);
    if (type == UserInfo.class) return user(OWNER);
    if (List.class.isAssignableFrom(type) && call.getMethod().getName().matches("getUsers|getAliveUsers|getProfiles")) {
      return new ArrayList<>(Arrays.asList(user(OWNER), user(WORK)));
    }
    return Answers.RETURNS_DEFAULTS.answer(call);
  }

  /** The system's: its package manager, and permissions that the caller has. */
  private final class SystemContext extends ContextWrapper {
    SystemContext() {
      super(context);
    }

    @Override
    public PackageManager getPackageManager() {
      return (PackageManager) played(PackageManager.class);
    }

    @Override
    public Object getSystemService(String name) {
      switch (name) {
        case Context.USER_SERVICE:
          return played(UserManager.class);
        case Context.STORAGE_SERVICE:
          return played(StorageManager.class);
        case Context.PERSISTENT_DATA_BLOCK_SERVICE:
          return played(PersistentDataBlockManager.class);
        default:
          return super.getSystemService(name);
      }
    }

    @Override
    public int checkCallingOrSelfPermission(String permission) {
      return Binder.getCallingUid() < Process.FIRST_APPLICATION_UID ? PackageManager.PERMISSION_GRANTED : PackageManager.PERMISSION_DENIED;
    }

    @Override
    public int checkCallingPermission(String permission) {
      return checkCallingOrSelfPermission(permission);
    }

    @Override
    public int checkPermission(String permission, int pid, int uid) {
      return uid < Process.FIRST_APPLICATION_UID ? PackageManager.PERMISSION_GRANTED : PackageManager.PERMISSION_DENIED;
    }

    @Override
    public void enforceCallingOrSelfPermission(String permission, String message) {
      boolean granted = checkCallingOrSelfPermission(permission) == PackageManager.PERMISSION_GRANTED;
      if (!granted) throw new SecurityException(permission + ": " + message);
    }
  }

  private static Object asRobolectric(InvocationOnMock call, Object real) throws Throwable {
    try {
      return call.getMethod().invoke(real, call.getArguments());
    } catch (InvocationTargetException thrown) {
      throw thrown.getCause();
    }
  }

  /** An app has another uid for each user. */
  private static ActivityInfo ofThisUser(ActivityInfo receiver) {
    receiver.applicationInfo = new ApplicationInfo(receiver.applicationInfo);
    receiver.applicationInfo.uid = Process.myUid();
    return receiver;
  }

  private static UserInfo user(int id) {
    UserInfo user = new UserInfo(id, "any", id == OWNER ? UserInfo.FLAG_PRIMARY | UserInfo.FLAG_ADMIN : UserInfo.FLAG_MANAGED_PROFILE);
    if (id == WORK) user.userType = "android.os.usertype.profile.MANAGED";
    user.profileGroupId = OWNER;
    return user;
  }
}
