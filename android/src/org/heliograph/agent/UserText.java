package org.heliograph.agent;

import java.util.Locale;
import org.json.JSONObject;

/** A message for the phone's user, in their language. */
public final class UserText {
  private UserText() {}

  /** The text of AMAPI's UserFacingMessage for this phone's language (fr-CA), else for the language at all (fr), else the default. */
  public static String of(JSONObject message) {
    if (message == null) return "";
    JSONObject localized = message.optJSONObject("localizedMessages");
    Locale locale = Locale.getDefault();
    for (String language : new String[] {locale.toLanguageTag(), locale.getLanguage()}) {
      if (localized != null && localized.has(language)) return localized.optString(language);
    }
    return message.optString("defaultMessage");
  }
}
