package org.heliograph.agent.protocol;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;
import org.json.JSONException;
import org.json.JSONObject;

/** Single requests to the server, each on its own or a kept connection. */
final class Http {
  static final int REPLY_WITHIN_MS = 30_000;
  /** The largest message to a phone: one with a policy in it. As in src/heliograph/protocol.py. */
  static final int LARGEST_BYTES = 1024 * 1024;

  private final Line line;

  Http(Line line) {
    this.line = line;
  }

  /** The answer to a message that needs no connection; `credential` is empty with enroll. */
  Reply post(String path, JSONObject body, String credential, String connection) throws IOException {
    return ask(request(path, credential, connection, REPLY_WITHIN_MS), body);
  }

  /** A request that is not sent yet; another thread may end it by `disconnect`. */
  HttpURLConnection request(String path, String credential, String connection, int withinMs) throws IOException {
    HttpURLConnection http = (HttpURLConnection) new URL(line.url + "/device/v1/" + path).openConnection();
    if (http instanceof HttpsURLConnection) ((HttpsURLConnection) http).setSSLSocketFactory(line.tls());
    http.setConnectTimeout(REPLY_WITHIN_MS);
    http.setReadTimeout(withinMs);
    http.setInstanceFollowRedirects(false);
    if (!credential.isEmpty()) http.setRequestProperty("Authorization", "Bearer " + credential);
    if (!connection.isEmpty()) http.setRequestProperty("Heliograph-Connection", connection);
    return http;
  }

  /** The answer to the request; `body` null: GET. */
  Reply ask(HttpURLConnection http, JSONObject body) throws IOException {
    if (body != null) send(http, body.toString().getBytes(Json.UTF_8));
    int status = http.getResponseCode();
    return new Reply(status, parsed(status < 400 ? http.getInputStream() : http.getErrorStream()), seconds(http.getHeaderField("Retry-After")));
  }

  private static void send(HttpURLConnection http, byte[] bytes) throws IOException {
    http.setDoOutput(true);
    http.setRequestProperty("Content-Type", "application/json");
    http.setFixedLengthStreamingMode(bytes.length);
    try (OutputStream out = http.getOutputStream()) {
      out.write(bytes);
    }
  }

  private static JSONObject parsed(InputStream in) throws IOException {
    if (in == null) return new JSONObject();
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    byte[] buffer = new byte[8192];
    try (InputStream body = in) {
      for (int n; (n = body.read(buffer)) > 0; ) {
        text.write(buffer, 0, n);
        if (text.size() > LARGEST_BYTES) throw new IOException("a larger answer than the protocol has");
      }
    }
    return parsed(text.toString("UTF-8"));
  }

  /** The object; an empty one if a proxy answered with something else. */
  static JSONObject parsed(String text) {
    try {
      return new JSONObject(text);
    } catch (JSONException other) {
      return new JSONObject();
    }
  }

  /** Of a Retry-After header, in ms. */
  static long seconds(String header) {
    try {
      return header == null ? 0 : 1000 * Long.parseLong(header.trim());
    } catch (NumberFormatException date) {
      return 0;
    }
  }
}
