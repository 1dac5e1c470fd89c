import java.io.File;
import java.io.FileWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Iterator;
import org.heliograph.agent.protocol.Agent;
import org.heliograph.agent.protocol.AppliedPolicy;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Journal;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Line;
import org.heliograph.agent.protocol.Moment;
import org.heliograph.agent.protocol.OpeningKey;
import org.heliograph.agent.protocol.Networks;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * The APK's agent on the host's JVM, with a phone that is a folder: settings.json says what it is, "effects" what was done to it.
 * It dies where the settings say, as by kill -9: once, since the file "killed" is there from then on.
 */
public class HostAgent implements Phone, Agent.Events, Networks {
  private final File folder;
  private final JSONObject settings;
  private volatile long sleptMs;
  private volatile JSONObject policy = new JSONObject();

  public static void main(String[] arguments) throws Exception {
    new HostAgent(new File(arguments[0])).live();
  }

  private HostAgent(File folder) throws JSONException {
    this.folder = folder;
    settings = new JSONObject(read("settings.json"));
  }

  private void live() throws Exception {
    Journal journal = new Journal(new File(folder, "journal"));
    long unknownFirstMs = settings.optLong("unknownFirstMs", 50);
    Line line = new Line(settings.getString("url"), new String[0], 20, 200, unknownFirstMs, Math.max(200, unknownFirstMs));
    Agent agent = new Agent(line, journal, this, this, settings.optString("channel"));
    if (journal.finalOrder() == null && journal.name().isEmpty()) agent.enroll(settings.getString("token"));
    if (!journal.name().isEmpty()) write("name", journal.name());
    Thread system = new Thread(() -> wakeWhenAsked(agent));
    system.setDaemon(true);
    system.start();
    agent.run();
    write("released", "");
    System.exit(0); // a poll that is no longer awaited does not hold the process
  }

  /** Who writes the file "wake" is the phone's system; it says how many seconds the phone slept. */
  private void wakeWhenAsked(Agent agent) {
    while (true) {
      try {
        Thread.sleep(20);
      } catch (InterruptedException ended) {
        return;
      }
      if (!there("wake")) continue;
      sleptMs += 1000 * Long.parseLong(read("wake").trim());
      new File(folder, "wake").delete();
      agent.wake();
    }
  }

  @Override
  public JSONObject report() {
    JSONObject facts = Json.in(settings, "facts");
    boolean companyOwned = facts.optString("ownership").equals("COMPANY_OWNED");
    AppliedPolicy applied = new AppliedPolicy(policy);
    JSONObject report = Json.of("appliedPolicyName", applied.name(), "appliedPolicyVersion", applied.version());
    for (Iterator<String> fields = facts.keys(); fields.hasNext(); ) {
      String field = fields.next();
      if (applied.asksFor(field, companyOwned)) Json.put(report, field, facts.opt(field));
    }
    return Json.put(report, "appliedState", there("lost") ? "LOST" : "ACTIVE");
  }

  @Override
  public String serial() {
    return settings.optString("serial");
  }

  @Override
  public OpeningKey openingKey() {
    OpeningKey key = OpeningKey.read(read("key"));
    if (key == null) {
      key = OpeningKey.made();
      write("key", key.written());
    }
    return key;
  }

  @Override
  public Networks networks() {
    return this;
  }

  @Override
  public long elapsedMs() {
    return System.nanoTime() / 1_000_000 + sleptMs;
  }

  @Override
  public String current() {
    return "host";
  }

  @Override
  public JSONObject known(String network) {
    try {
      return new JSONObject(read("silences " + network));
    } catch (JSONException none) {
      return new JSONObject();
    }
  }

  @Override
  public void keep(String network, JSONObject silences) {
    write("silences " + network, silences.toString());
  }

  @Override
  public void wakeWithin(long ms) {
    append("wakes", ms + "\n");
  }

  @Override
  public String bootId() {
    return "boot " + read("boots").length();
  }

  @Override
  public void adopt(JSONObject wanted) {
    policy = AppliedPolicy.merged(wanted, policy);
    write("policy", policy.toString());
    append("states", wanted.optString("policyName") + " " + wanted.optInt("policyVersion", 1) + " " + wanted.optBoolean("disabled") + "\n");
  }

  @Override
  public Outcome refusal(JSONObject command) {
    String code = Json.in(settings, "refuses").optString(command.optString("type"));
    return code.isEmpty() ? null : Outcome.failed(code, "so it was set");
  }

  @Override
  public JSONObject before(JSONObject command) {
    return Json.of("lost", there("lost"));
  }

  @Override
  public JSONObject look(JSONObject command) {
    switch (CommandType.of(command)) {
      case REBOOT:
        return Json.of("bootCount", read("boots").length());
      case START_LOST_MODE:
      case STOP_LOST_MODE:
        return Json.of("lostMode", there("lost"));
      case WIPE:
      case RELINQUISH_OWNERSHIP:
        return lookAtEnrolment();
      default:
        return new JSONObject();
    }
  }

  @Override
  public JSONObject lookAfter(JSONObject command, JSONObject before) {
    return look(command);
  }

  @Override
  public JSONObject lookAtEnrolment() {
    return Json.of("androidId", settings.optString("androidId", null));
  }

  @Override
  public Outcome execute(JSONObject command, Execution execution) throws InterruptedException {
    CommandType type = CommandType.of(command);
    if (settings.optBoolean("asksUser") && !agreed(execution)) return Outcome.NOT_STARTED;
    append("effects", type.name() + "\n");
    if (type == CommandType.RESET_PASSWORD) write("password", command.optString("newPassword"));
    if (settings.optBoolean("lies")) return Outcome.done(Json.in(settings, "statuses").optJSONObject(type.name()));
    if (type == CommandType.REBOOT) {
      append("boots", "+");
      Runtime.getRuntime().halt(0);
    }
    if (type == CommandType.START_LOST_MODE) write("lost", "");
    if (type == CommandType.STOP_LOST_MODE) new File(folder, "lost").delete();
    JSONObject status = Json.in(settings, "statuses").optJSONObject(type.name());
    return Outcome.done(status);
  }

  private boolean agreed(Execution execution) throws InterruptedException {
    long withinMs = execution.asksUser(Json.of("status", "PENDING_USER_ACTION"));
    write("asked", String.valueOf(withinMs));
    long until = System.nanoTime() + 1_000_000 * withinMs;
    while (!there("agreed")) {
      if (withinMs >= 0 && System.nanoTime() > until) return false;
      Thread.sleep(10);
    }
    return execution.mayBegin();
  }

  @Override
  public Outcome probe(JSONObject command, JSONObject before) {
    boolean wanted = CommandType.of(command) == CommandType.START_LOST_MODE;
    if (there("lost") != wanted || before.optBoolean("lost") == wanted) return null;
    return Outcome.done(Json.in(settings, "statuses").optJSONObject(command.optString("type")));
  }

  @Override
  public void carryOut(JSONObject order) {
    append("effects", order.optString("type") + "\n");
    if (there("prevented")) throw new SecurityException("the restriction no_factory_reset is set");
  }

  @Override
  public void connection(boolean stands) {
    if (stands) write("connected", "");
    else new File(folder, "connected").delete();
  }

  @Override
  public void notKnown(String why) {
    write("notKnown", why);
  }

  @Override
  public void log(String line) {
    append("log", line + "\n");
  }

  @Override
  public void pass(Moment moment, String operation) {
    if (!moment.name().equals(settings.optString("killAt")) || there("killed")) return;
    write("killed", "");
    Runtime.getRuntime().halt(9);
  }

  private boolean there(String name) {
    return new File(folder, name).exists();
  }

  private String read(String name) {
    try {
      return there(name) ? new String(Files.readAllBytes(new File(folder, name).toPath()), "UTF-8") : "";
    } catch (IOException broken) {
      throw new IllegalStateException(broken);
    }
  }

  /** A reader finds all of the text, or what was there before. */
  private synchronized void write(String name, String text) {
    File beside = new File(folder, name + ".new");
    write(beside, text, false);
    if (!beside.renameTo(new File(folder, name))) throw new IllegalStateException(name);
  }

  private synchronized void append(String name, String text) {
    write(new File(folder, name), text, true);
  }

  private static void write(File file, String text, boolean append) {
    try (FileWriter out = new FileWriter(file, append)) {
      out.write(text);
    } catch (IOException broken) {
      throw new IllegalStateException(broken);
    }
  }
}
