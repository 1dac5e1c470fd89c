package org.heliograph.agent.protocol;

import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.json.JSONObject;

/** The policy that a phone applies, as the server sends it, and what it asks the phone to report. */
public final class AppliedPolicy {
  /** By field of Device, without what there is no switch for.  Source: disc, the descriptions of Device's fields. */
  private static final Map<String, String> SWITCHES = new HashMap<>();
  private static final Set<String> OF_COMPANY_OWNED =
      new HashSet<>(Arrays.asList("displays", "powerManagementEvents", "hardwareStatusSamples", "commonCriteriaModeInfo"));

  static {
    SWITCHES.put("softwareInfo", "softwareInfoEnabled");
    SWITCHES.put("networkInfo", "networkInfoEnabled");
    SWITCHES.put("applicationReports", "applicationReportsEnabled");
    SWITCHES.put("deviceSettings", "deviceSettingsEnabled");
    SWITCHES.put("displays", "displayInfoEnabled");
    SWITCHES.put("memoryEvents", "memoryInfoEnabled");
    SWITCHES.put("powerManagementEvents", "powerManagementEventsEnabled");
    SWITCHES.put("hardwareStatusSamples", "hardwareStatusEnabled");
    SWITCHES.put("systemProperties", "systemPropertiesEnabled");
    SWITCHES.put("commonCriteriaModeInfo", "commonCriteriaModeEnabled");
    SWITCHES.put("defaultApplicationInfo", "defaultApplicationInfoReportingEnabled");
  }

  private final JSONObject policy;

  /** `policy`: as `merged` gave it, or empty. */
  public AppliedPolicy(JSONObject policy) {
    this.policy = policy;
  }

  /** What the server wants now. Its Policy is absent if the phone has it: then it is that of `had`, unless that is another one. */
  public static JSONObject merged(JSONObject wanted, JSONObject had) {
    boolean same = wanted.optString("policyName").equals(had.optString("policyName")) && version(wanted) == version(had);
    if (wanted.has("policy") || !same) return wanted;
    return Json.put(Json.copy(wanted), "policy", had.opt("policy"));
  }

  /** The name to report; null if no policy exists, or the phone has not got it: then the answer to the report brings it. */
  public String name() {
    return version(policy) > 0 && policy.has("policy") ? policy.optString("policyName") : null;
  }

  /** The version to report, null if there is no name to report. */
  public String version() {
    return name() == null ? null : String.valueOf(version(policy));
  }

  /** Whether the phone reports this field of Device. */
  public boolean asksFor(String field, boolean companyOwned) {
    if (!companyOwned && OF_COMPANY_OWNED.contains(field)) return false;
    String needed = SWITCHES.get(field);
    return needed == null || Json.in(Json.in(policy, "policy"), "statusReportingSettings").optBoolean(needed);
  }

  private static int version(JSONObject policy) {
    return policy.optInt("policyVersion", 1);
  }
}
