package org.heliograph.agent.protocol;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Locale;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.json.JSONObject;

/** The client's side of RFC 6455 as far as the protocol needs it: text messages, pings answered, no extension. */
final class Frames {
  private static final String GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455, 1.3
  /** The server pings every 30 s. */
  private static final int SILENT_FOR_MS = 90_000;
  /** The longest that can be agreed on; the phone's own pings find out sooner. */
  private static final int SILENT_FOR_AT_MOST_MS = 1000 * Silences.MOST_S + 2 * Http.REPLY_WITHIN_MS;
  private static final int CONTINUATION = 0;
  private static final int TEXT = 1;
  private static final int CLOSE = 8;
  private static final int PING = 9;
  private static final int PONG = 10;
  private static final String BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

  private final Socket socket;
  private final DataInputStream in;
  private final OutputStream out;

  private Frames(Socket socket) throws IOException {
    this.socket = socket;
    in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    out = socket.getOutputStream();
  }

  /** The server closed the connection. */
  static final class Closed extends IOException {
    final int code;
    final String reason;

    Closed(int code, String reason) {
      super(reason);
      this.code = code;
      this.reason = reason;
    }
  }

  /** The server answered the handshake with an HTTP status of the protocol. */
  static final class Denied extends IOException {
    final Reply reply;

    Denied(Reply reply) {
      this.reply = reply;
    }
  }

  static Frames open(Line line, String credential) throws IOException {
    URI uri = URI.create(line.url);
    boolean secure = "https".equals(uri.getScheme());
    int port = uri.getPort() > 0 ? uri.getPort() : secure ? 443 : 80;
    Socket plain = new Socket();
    try {
      plain.connect(new InetSocketAddress(uri.getHost(), port), Http.REPLY_WITHIN_MS);
      plain.setSoTimeout(Http.REPLY_WITHIN_MS);
      plain.setTcpNoDelay(true);
      Frames frames = new Frames(secure ? encrypted(plain, uri.getHost(), port, line) : plain);
      frames.shakeHands(uri, credential);
      frames.socket.setSoTimeout(SILENT_FOR_MS);
      return frames;
    } catch (IOException failed) {
      plain.close();
      throw failed;
    }
  }

  private static Socket encrypted(Socket plain, String host, int port, Line line) throws IOException {
    SSLSocket socket = (SSLSocket) line.tls().createSocket(plain, host, port, true);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS"); // without it any valid certificate would do
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  /** The phone keeps the connection open, and the server does not ping. */
  void allowSilence() throws IOException {
    socket.setSoTimeout(SILENT_FOR_AT_MOST_MS);
  }

  private void shakeHands(URI uri, String credential) throws IOException {
    String key = base64(Hex.randomBytes(16));
    String path = uri.getRawPath() == null ? "" : uri.getRawPath();
    String request = "GET " + path + "/device/v1/connect HTTP/1.1\r\nHost: " + uri.getRawAuthority() + "\r\nUpgrade: websocket\r\n"
        + "Connection: Upgrade\r\nSec-WebSocket-Key: " + key + "\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer " + credential + "\r\n\r\n";
    out.write(request.getBytes(Json.UTF_8));
    out.flush();
    String[] head = head().split("\r\n");
    String[] first = head[0].split(" ");
    int status = first.length < 2 ? 0 : Integer.parseInt("0" + first[1].replaceAll("\\D", ""));
    if (status == 101 && accepted(key).equals(header(head, "sec-websocket-accept"))) return;
    if (status == Reply.UNKNOWN_CREDENTIAL || status == Reply.GONE || status == Reply.TOO_MANY_REQUESTS || status == 503) {
      throw new Denied(new Reply(status, body(header(head, "content-length")), Http.seconds(header(head, "retry-after"))));
    }
    throw new WebSocket.NoWebSocket("the handshake was answered " + status);
  }

  private String head() throws IOException {
    ByteArrayOutputStream head = new ByteArrayOutputStream();
    for (int ends = 0; ends < 4; ) {
      int b = in.read();
      if (b < 0 || head.size() > 16_384) throw new WebSocket.NoWebSocket("the handshake was not answered");
      head.write(b);
      ends = b == (ends % 2 == 0 ? '\r' : '\n') ? ends + 1 : b == '\r' ? 1 : 0;
    }
    return head.toString("UTF-8");
  }

  private static String header(String[] head, String name) {
    for (String line : head) {
      if (line.toLowerCase(Locale.ROOT).startsWith(name + ":")) return line.substring(name.length() + 1).trim();
    }
    return "";
  }

  private JSONObject body(String length) throws IOException {
    int bytes = length.matches("\\d{1,6}") ? Integer.parseInt(length) : 0;
    byte[] body = new byte[Math.min(bytes, Http.LARGEST_BYTES)];
    in.readFully(body);
    return Http.parsed(new String(body, Json.UTF_8));
  }

  void send(String text) throws IOException {
    send(TEXT, text.getBytes(Json.UTF_8));
  }

  private synchronized void send(int opcode, byte[] payload) throws IOException {
    ByteArrayOutputStream frame = new ByteArrayOutputStream(payload.length + 14);
    frame.write(0x80 | opcode);
    if (payload.length < 126) {
      frame.write(0x80 | payload.length);
    } else {
      boolean small = payload.length < 65_536;
      frame.write(0x80 | (small ? 126 : 127));
      for (int shift = small ? 8 : 56; shift >= 0; shift -= 8) frame.write((int) ((long) payload.length >> shift));
    }
    byte[] mask = Hex.randomBytes(4);
    frame.write(mask);
    for (int i = 0; i < payload.length; i++) frame.write(payload[i] ^ mask[i & 3]);
    out.write(frame.toByteArray());
    out.flush();
  }

  /** The next text message; pings are answered on the way. */
  String next() throws IOException {
    ByteArrayOutputStream message = new ByteArrayOutputStream();
    while (true) {
      int first = in.readUnsignedByte();
      byte[] payload = payload();
      int opcode = first & 15;
      if (opcode == CLOSE) throw closed(payload);
      if (opcode == PING) send(PONG, payload);
      if (opcode == TEXT || opcode == CONTINUATION) {
        message.write(payload);
        if (message.size() > Http.LARGEST_BYTES) throw new IOException("a larger message than the protocol has");
        if ((first & 0x80) != 0) return message.toString("UTF-8");
      }
    }
  }

  private byte[] payload() throws IOException {
    long length = in.readUnsignedByte();
    if ((length & 0x80) != 0) throw new IOException("a server does not mask");
    if (length == 126) length = in.readUnsignedShort();
    if (length == 127) length = in.readLong();
    if (length < 0 || length > Http.LARGEST_BYTES) throw new IOException("a larger frame than the protocol has");
    byte[] payload = new byte[(int) length];
    in.readFully(payload);
    return payload;
  }

  private static Closed closed(byte[] payload) {
    if (payload.length < 2) return new Closed(0, "");
    return new Closed((payload[0] & 255) << 8 | payload[1] & 255, new String(payload, 2, payload.length - 2, Json.UTF_8));
  }

  void close() {
    try {
      socket.close();
    } catch (IOException gone) {
      // it is what was wanted
    }
  }

  private static String accepted(String key) throws IOException {
    try {
      return base64(MessageDigest.getInstance("SHA-1").digest((key + GUID).getBytes(Json.UTF_8)));
    } catch (GeneralSecurityException noSha) {
      throw new IOException(noSha);
    }
  }

  /** java.util.Base64 is there from API 26 on, android.util.Base64 not on the host. */
  private static String base64(byte[] bytes) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < bytes.length; i += 3) {
      int left = bytes.length - i;
      int three = (bytes[i] & 255) << 16 | (left > 1 ? (bytes[i + 1] & 255) << 8 : 0) | (left > 2 ? bytes[i + 2] & 255 : 0);
      for (int n = 0; n < 4; n++) text.append(n <= left ? BASE64.charAt(three >> 18 - 6 * n & 63) : '=');
    }
    return text.toString();
  }
}
