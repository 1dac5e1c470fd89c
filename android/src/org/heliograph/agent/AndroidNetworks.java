package org.heliograph.agent;

import android.content.Context;
import android.net.ConnectivityManager;
import android.net.LinkProperties;
import android.net.Network;
import android.net.NetworkCapabilities;
import android.net.RouteInfo;
import android.os.SystemClock;
import android.telephony.TelephonyManager;
import java.util.Iterator;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Networks;
import org.json.JSONObject;

/** The networks of this phone: a mobile operator's by its number, others by their router's address, which needs no permission. */
final class AndroidNetworks implements Networks {
  private static final int KEPT_MOST = 32;

  private final Context context;
  private final Memory memory;

  AndroidNetworks(Context context, Memory memory) {
    this.context = context;
    this.memory = memory;
  }

  @Override
  public long elapsedMs() {
    return SystemClock.elapsedRealtime();
  }

  @Override
  public String current() {
    try {
      return connected();
    } catch (SecurityException refused) { // Android 11 does so at times: https://issuetracker.google.com/issues/175055271
      return "none";
    }
  }

  private String connected() {
    ConnectivityManager all = (ConnectivityManager) context.getSystemService(Context.CONNECTIVITY_SERVICE);
    Network network = all.getActiveNetwork();
    NetworkCapabilities capabilities = network == null ? null : all.getNetworkCapabilities(network);
    if (capabilities == null) return "none";
    if (capabilities.hasTransport(NetworkCapabilities.TRANSPORT_CELLULAR)) {
      return "mobile " + ((TelephonyManager) context.getSystemService(Context.TELEPHONY_SERVICE)).getNetworkOperator();
    }
    String kind = capabilities.hasTransport(NetworkCapabilities.TRANSPORT_WIFI) ? "wifi " : "other ";
    return kind + router(all.getLinkProperties(network));
  }

  private static String router(LinkProperties properties) {
    if (properties == null) return "";
    for (RouteInfo route : properties.getRoutes()) {
      if (route.isDefaultRoute() && route.getGateway() != null) return route.getGateway().getHostAddress() + " " + properties.getDomains();
    }
    return "";
  }

  @Override
  public JSONObject known(String network) {
    return Json.in(memory.object(Memory.SILENCES), network);
  }

  @Override
  public void keep(String network, JSONObject silences) {
    JSONObject all = memory.object(Memory.SILENCES);
    all.remove(network); // the newest stands last
    for (Iterator<String> names = all.keys(); all.length() >= KEPT_MOST && names.hasNext(); ) {
      names.next();
      names.remove();
    }
    try {
      memory.put(Memory.SILENCES, Json.put(all, network, silences).toString());
    } catch (IllegalStateException full) {
      return; // it is learnt again
    }
  }
}
