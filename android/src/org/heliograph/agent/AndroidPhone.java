package org.heliograph.agent;

import android.Manifest;
import android.app.admin.DevicePolicyManager;
import android.content.Context;
import android.os.Build;
import java.util.Map;
import org.heliograph.agent.commands.Command;
import org.heliograph.agent.commands.Commands;
import org.heliograph.agent.commands.Destructive;
import org.heliograph.agent.commands.LostMode;
import org.heliograph.agent.commands.Requires;
import org.heliograph.agent.protocol.AppliedPolicy;
import org.heliograph.agent.protocol.CommandType;
import org.heliograph.agent.protocol.Json;
import org.heliograph.agent.protocol.Networks;
import org.heliograph.agent.protocol.OpeningKey;
import org.heliograph.agent.protocol.Outcome;
import org.heliograph.agent.protocol.Phone;
import org.json.JSONObject;

/** This phone. */
public final class AndroidPhone implements Phone {
  private static final int NOTIFICATIONS_LEVEL = 33;
  /** An effect arrives after the call that asked for it: the keyguard is closed, the broadcast of a new password is sent. */
  private static final long ARRIVES_WITHIN_MS = 10_000;
  private static final long LOOKS_EVERY_MS = 100;
  private static final String[] READ = {"policyName", "policyVersion", "passwordQuality", "passwordMinimumLength"};
  private static final String[] READ_OF_POLICY = {"statusReportingSettings"};

  private final Owner owner;
  private final Memory memory;
  private final DeviceFacts facts;
  private final SystemFacts system;
  private final LostMode lostMode;
  private final OpeningKey key;
  private final Map<CommandType, Command> commands;
  private final Networks networks;

  public AndroidPhone(Context context, Memory memory) {
    this.memory = memory;
    owner = new Owner(context);
    facts = new DeviceFacts(owner, memory);
    system = new SystemFacts(owner, memory);
    lostMode = new LostMode(owner, memory);
    commands = Commands.of(owner, memory);
    networks = new AndroidNetworks(context, memory);
    key = Keys.of(memory);
  }

  /** In every life, before the first command: what an owner may do for itself. */
  void prepare() {
    if (owner.kind() == Owner.Kind.UNMANAGED) return;
    grantMyself(Manifest.permission.READ_PHONE_STATE);
    if (Build.VERSION.SDK_INT >= NOTIFICATIONS_LEVEL) grantMyself(Manifest.permission.POST_NOTIFICATIONS);
    if (Build.VERSION.SDK_INT >= 31 && owner.kind() == Owner.Kind.PERSONALLY_OWNED_WORK_PROFILE) nameOrganization();
    Destructive.prepare(owner, memory);
    if (lostMode.on()) lostMode.show();
  }

  /** A permission that the level has: the system takes 20 seconds over one that it does not know. */
  private void grantMyself(String permission) {
    try {
      owner.policy.setPermissionGrantState(
          owner.admin, owner.context.getPackageName(), permission, DevicePolicyManager.PERMISSION_GRANT_STATE_GRANTED);
    } catch (SecurityException notHere) {
      return; // without it a fact or a notification is missing, no command
    }
  }

  /** The id that stands for a personal phone's serial number is made from it; it can be named once. */
  private void nameOrganization() {
    try {
      owner.policy.setOrganizationId(String.format("heliograph-%08x", memory.get(Memory.SERVER_URL).hashCode()));
    } catch (IllegalStateException named) {
      return;
    }
  }

  @Override
  public JSONObject report() {
    return facts.report(lostMode.on(), new AppliedPolicy(memory.object(Memory.POLICY)));
  }

  @Override
  public String serial() {
    return facts.serial();
  }

  @Override
  public OpeningKey openingKey() {
    return key;
  }

  @Override
  public Networks networks() {
    return networks;
  }

  @Override
  public String bootId() {
    return String.valueOf(facts.bootCount());
  }

  /** The password rules are applied, and `disabled` is not: the report says ACTIVE. Only what is read is kept: AMAPI's Policy may be large. */
  @Override
  public void adopt(JSONObject wanted) {
    JSONObject whole = AppliedPolicy.merged(wanted, memory.object(Memory.POLICY));
    JSONObject read = only(READ, whole);
    if (whole.has("policy")) Json.put(read, "policy", only(READ_OF_POLICY, Json.in(whole, "policy")));
    if (read.toString().equals(memory.get(Memory.POLICY))) return;
    if (owner.kind() != Owner.Kind.UNMANAGED) new PasswordRules(owner).apply(read);
    memory.put(Memory.POLICY, read.toString());
  }

  private static JSONObject only(String[] names, JSONObject object) {
    JSONObject only = new JSONObject();
    for (String name : names) Json.put(only, name, object.opt(name));
    return only;
  }

  @Override
  public Outcome refusal(JSONObject command) {
    Outcome refusal = Requires.refusal(CommandType.of(command), owner.kind());
    return refusal == null ? of(command).objection(command) : refusal;
  }

  @Override
  public JSONObject before(JSONObject command) {
    return of(command).before(command);
  }

  @Override
  public JSONObject look(JSONObject command) {
    return system.about(command);
  }

  @Override
  public JSONObject lookAfter(JSONObject command, JSONObject before) throws InterruptedException {
    long until = System.nanoTime() + 1_000_000 * ARRIVES_WITHIN_MS;
    JSONObject now = look(command);
    while (now.length() > 0 && now.toString().equals(before.toString()) && System.nanoTime() < until) {
      Thread.sleep(LOOKS_EVERY_MS);
      now = look(command);
    }
    return now;
  }

  @Override
  public JSONObject lookAtEnrolment() {
    return system.ofEnrolment();
  }

  @Override
  public Outcome execute(JSONObject command, Execution execution) throws InterruptedException {
    try {
      return of(command).execute(command, execution);
    } catch (SecurityException notOwner) {
      return Outcome.failed("MANAGEMENT_MODE", notOwner.getMessage());
    } catch (RuntimeException unknown) {
      return Outcome.failed("UNKNOWN", unknown.getMessage());
    }
  }

  @Override
  public Outcome probe(JSONObject command, JSONObject before) {
    return of(command).probe(command, before);
  }

  /** On a phone that no one owns any more there is nothing left to carry out. */
  @Override
  public void carryOut(JSONObject order) {
    if (owner.kind() == Owner.Kind.UNMANAGED) return;
    try {
      of(order).execute(order, null);
    } catch (InterruptedException neverWaits) {
      throw new IllegalStateException(neverWaits);
    }
  }

  private Command of(JSONObject command) {
    return commands.get(CommandType.of(command));
  }
}
