package org.heliograph.agent.protocol;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * What the phone must not forget over a restart: its credential, and how far it is with each command. Each line is on the disk before
 * its step. Lines are only appended, and of those about one thing the newest counts; one that a crash left unfinished does not, because
 * its step was not taken. The lines are those of src/heliograph/agent/journal.py.
 */
public final class Journal {
  private static final int COMPACT_FROM_LINES = 256;

  private final File file;
  private final Map<String, JSONObject> entries = new LinkedHashMap<>();
  private JSONObject identity;
  private JSONObject finalOrder;
  private int lines;
  /** Whether a line that the disk did not take whole may stand at the end. */
  private boolean torn;
  private boolean closed;

  /** @throws IOException the file cannot be read, or has a line that no agent wrote: what was executed is then unknown */
  public Journal(File file) throws IOException {
    this.file = file;
    if (file.exists()) read();
  }

  /** No line is written any more: for an agent that was killed inside its process. */
  synchronized void close() {
    closed = true;
  }

  public synchronized String credential() {
    return identity == null ? "" : identity.optString("credential");
  }

  synchronized String installationId() {
    return identity == null ? "" : identity.optString("installationId");
  }

  /** The device's name, empty until the enrolment was answered. */
  public synchronized String name() {
    return identity == null ? "" : identity.optString("name");
  }

  /** The phone has this identity; another, with all its operations, is forgotten. */
  synchronized void identify(String credential, String installationId, String name) throws IOException {
    identity = Json.of("credential", credential, "installationId", installationId, "name", name);
    finalOrder = null;
    entries.clear();
    rewrite();
  }

  synchronized List<JSONObject> entries() {
    return new ArrayList<>(entries.values());
  }

  /** The operation's newest line, null if the phone is not concerned with it. */
  synchronized JSONObject entry(String operation) {
    JSONObject entry = entries.get(operation);
    return entry == null ? null : Json.copy(entry);
  }

  /** The operations for hello. */
  synchronized JSONArray inFlight() {
    JSONArray inFlight = new JSONArray();
    for (JSONObject entry : entries.values()) {
      inFlight.put(Json.of(
          "operation", entry.optString("operation"), "ackId", entry.optString("ackId"), "state", entry.optString("state")));
    }
    return inFlight;
  }

  /** The phone is this far with the operation: the fields replace those of its newest line, a null value removes one. */
  synchronized void put(String operation, Object... namesAndValues) throws IOException {
    JSONObject entry = entries.containsKey(operation) ? Json.copy(entries.get(operation)) : Json.of("operation", operation);
    for (int i = 0; i < namesAndValues.length; i += 2) Json.put(entry, (String) namesAndValues[i], namesAndValues[i + 1]);
    append(Json.of("entry", entry));
    entries.put(operation, entry);
  }

  /** The phone is done with the operation. */
  synchronized void drop(String operation) throws IOException {
    if (!entries.containsKey(operation)) return;
    append(Json.of("dropped", operation));
    entries.remove(operation);
  }

  /** The order that ends the phone's being managed: {order, carriedOut}; null if there is none. */
  public synchronized JSONObject finalOrder() {
    return finalOrder == null ? null : Json.copy(finalOrder);
  }

  /** This is the last order, and whether it was carried out; nothing else counts any more. */
  synchronized void order(JSONObject order, boolean carriedOut) throws IOException {
    JSONObject line = Json.of("order", order, "carriedOut", carriedOut);
    append(Json.of("finalOrder", line));
    finalOrder = line;
  }

  /** The phone is no longer managed: credential and operations are gone. */
  public synchronized void forget() throws IOException {
    identity = null;
    finalOrder = null;
    entries.clear();
    if (file.exists() && !file.delete()) throw new IOException("the journal cannot be deleted");
  }

  private void read() throws IOException {
    String text = new String(bytes(file), Json.UTF_8);
    // What follows the last newline is a line that a crash left unfinished.
    String[] whole = text.substring(0, text.lastIndexOf('\n') + 1).split("\n");
    for (int number = 1; number <= whole.length; number++) {
      if (whole[number - 1].isEmpty()) continue;
      try {
        take(new JSONObject(whole[number - 1]));
      } catch (JSONException damaged) {
        throw new IOException("line " + number + " of the journal is damaged; it cannot show what was executed");
      }
    }
    rewrite();
  }

  private void take(JSONObject line) throws JSONException {
    if (line.has("identity")) identity = line.getJSONObject("identity");
    if (line.has("entry")) entries.put(line.getJSONObject("entry").getString("operation"), line.getJSONObject("entry"));
    if (line.has("dropped")) entries.remove(line.getString("dropped"));
    if (line.has("finalOrder")) finalOrder = line.getJSONObject("finalOrder");
  }

  private void append(JSONObject line) throws IOException {
    if (closed) throw new IOException("the agent was stopped");
    if (torn || ++lines > COMPACT_FROM_LINES + 4 * entries.size()) rewrite();
    torn = true;
    write(file, true, Collections.singletonList(line));
    torn = false;
  }

  /** The file holds the newest line of each and no other; the old file stays whole until the new one is. */
  private void rewrite() throws IOException {
    if (closed) throw new IOException("the agent was stopped");
    List<JSONObject> newest = new ArrayList<>();
    if (identity != null) newest.add(Json.of("identity", identity));
    for (JSONObject entry : entries.values()) newest.add(Json.of("entry", entry));
    if (finalOrder != null) newest.add(Json.of("finalOrder", finalOrder));
    File beside = new File(file.getPath() + ".new");
    write(beside, false, newest);
    // No sync of the folder: on ext4 and f2fs the sync of the next line brings the new name to the disk with it.
    if (!beside.renameTo(file)) throw new IOException("the journal cannot be renamed");
    lines = newest.size();
    torn = false;
  }

  private static void write(File file, boolean append, List<JSONObject> lines) throws IOException {
    StringBuilder text = new StringBuilder();
    for (JSONObject line : lines) text.append(line).append('\n');
    try (FileOutputStream out = new FileOutputStream(file, append)) {
      if (!append && !(file.setReadable(false, false) && file.setReadable(true, true))) throw new IOException("the journal is not private");
      // One write: a crash leaves at most the last line unfinished.
      out.write(text.toString().getBytes(Json.UTF_8));
      out.getFD().sync();
    }
  }

  private static byte[] bytes(File file) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    try (FileInputStream in = new FileInputStream(file)) {
      for (int n; (n = in.read(buffer)) > 0; ) all.write(buffer, 0, n);
    }
    return all.toByteArray();
  }
}
