package org.heliograph.agent.protocol;

import java.nio.charset.Charset;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** org.json without its checked exception: what this agent writes is always well-formed. */
public final class Json {
  static final Charset UTF_8 = Charset.forName("UTF-8");

  private Json() {}

  /** An object of these names and values; a null value is left out. */
  public static JSONObject of(Object... namesAndValues) {
    JSONObject object = new JSONObject();
    for (int i = 0; i < namesAndValues.length; i += 2) put(object, (String) namesAndValues[i], namesAndValues[i + 1]);
    return object;
  }

  /** The object with this value, without it if it is null. */
  public static JSONObject put(JSONObject object, String name, Object value) {
    try {
      return object.put(name, value);
    } catch (JSONException impossible) {
      throw new IllegalArgumentException(name, impossible);
    }
  }

  public static JSONObject copy(JSONObject object) {
    try {
      return new JSONObject(object.toString());
    } catch (JSONException impossible) {
      throw new IllegalArgumentException(impossible);
    }
  }

  /** The object under this name, an empty one if there is none. */
  public static JSONObject in(JSONObject object, String name) {
    JSONObject found = object.optJSONObject(name);
    return found == null ? new JSONObject() : found;
  }

  /** Whether the array under this name has the text. */
  public static boolean has(JSONObject object, String name, String text) {
    JSONArray array = object.optJSONArray(name);
    for (int i = 0; array != null && i < array.length(); i++) {
      if (text.equals(array.optString(i))) return true;
    }
    return false;
  }
}
