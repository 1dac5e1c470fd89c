package org.heliograph.agent.commands;

import android.content.pm.PackageManager;
import android.os.Build;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.heliograph.agent.Owner;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONArray;
import org.json.JSONObject;

/** CLEAR_APP_DATA: each app has its own result, API_LEVEL too, and the command succeeds. */
final class ClearAppData implements Command {
  private static final int LOWEST_LEVEL = 28;
  private static final long CLEARED_WITHIN_S = 60;

  private final Owner owner;

  ClearAppData(Owner owner) {
    this.owner = owner;
  }

  @Override
  public Outcome execute(JSONObject command, Phone.Execution execution) throws InterruptedException {
    JSONArray names = Json.in(command, "clearAppsDataParams").optJSONArray("packageNames");
    JSONObject results = new JSONObject();
    for (int i = 0; names != null && i < names.length(); i++) {
      Json.put(results, names.optString(i), Json.of("clearingResult", clear(names.optString(i))));
    }
    return Outcome.done(Json.of("results", results));
  }

  private String clear(String name) throws InterruptedException {
    if (Build.VERSION.SDK_INT < LOWEST_LEVEL) return "API_LEVEL";
    try {
      owner.context.getPackageManager().getPackageInfo(name, 0);
    } catch (PackageManager.NameNotFoundException missing) {
      return "APP_NOT_FOUND";
    }
    CountDownLatch over = new CountDownLatch(1);
    AtomicBoolean cleared = new AtomicBoolean();
    owner.policy.clearApplicationUserData(owner.admin, name, Runnable::run, (packageName, succeeded) -> {
      cleared.set(succeeded);
      over.countDown();
    });
    return over.await(CLEARED_WITHIN_S, TimeUnit.SECONDS) && cleared.get() ? "SUCCESS" : "APP_PROTECTED";
  }
}
