package org.heliograph.agent;

import android.content.Context;
import android.content.SharedPreferences;
import android.os.BaseBundle;
import java.io.File;
import org.json.JSONException;
import org.json.JSONObject;

/** What the agent remembers besides its journal, readable before the first unlock and in no backup. */
public final class Memory {
  public static final String SERVER_URL = "server_url";
  public static final String ENROLLMENT_TOKEN = "enrollment_token";
  /** Hex SHA-256 of public keys, separated by commas. */
  public static final String CERTIFICATE_PINS = "certificate_pins";

  /** Server's wishes that are applied, as JSON. */
  static final String POLICY = "policy";
  /** The event of the last measured battery level, as JSON. */
  static final String BATTERY = "battery";
  /** The parameters of lost mode while it lasts, as JSON. */
  public static final String LOST = "lost";
  /** What is known of networks, by network, as JSON. */
  static final String SILENCES = "silences";
  /** The token that lets this admin reset the password, in hex. */
  public static final String RESET_TOKEN = "reset_token";
  /** What opens secrets, where Android's keystore does not keep it (Keys). */
  static final String OPENING_KEY = "opening_key";
  /** When the admin last reset the password, in ms of the phone's clock. */
  public static final String LAST_RESET_MS = "last_reset_ms";
  /** How often the system said that the password was changed, in digits. */
  private static final String PASSWORD_CHANGES = "password_changes";
  /** What the service shows its user, a sentence. */
  static final String STATE = "state";

  private final SharedPreferences preferences;
  private final File journal;

  public Memory(Context context) {
    Context readableBeforeUnlock = context.createDeviceProtectedStorageContext();
    preferences = readableBeforeUnlock.getSharedPreferences("agent", Context.MODE_PRIVATE);
    journal = new File(readableBeforeUnlock.getNoBackupFilesDir(), "journal");
  }

  File journal() {
    return journal;
  }

  public String get(String key) {
    return preferences.getString(key, "");
  }

  /** On the disk before this returns. */
  public void put(String key, String value) {
    if (!preferences.edit().putString(key, value).commit()) throw new IllegalStateException("the phone's storage is full");
  }

  int passwordChanges() {
    String counted = get(PASSWORD_CHANGES);
    return counted.isEmpty() ? 0 : Integer.parseInt(counted);
  }

  void countPasswordChange() {
    put(PASSWORD_CHANGES, String.valueOf(passwordChanges() + 1));
  }

  public JSONObject object(String key) {
    try {
      return new JSONObject(get(key));
    } catch (JSONException none) {
      return new JSONObject();
    }
  }

  /** Keep what the QR code, the lab or an admin's console brought. */
  void keep(BaseBundle extras) {
    if (extras == null) return;
    for (String key : new String[] {SERVER_URL, ENROLLMENT_TOKEN, CERTIFICATE_PINS}) {
      String value = extras.getString(key);
      if (value != null) put(key, value);
    }
  }

  /** The phone is managed no more: nothing of it is left. */
  void forget() {
    preferences.edit().clear().commit();
  }
}
