package org.heliograph.agent.protocol;

import java.security.GeneralSecurityException;
import javax.net.ssl.SSLSocketFactory;

/** The way to the server: its address, whose certificates are believed, and how patient the phone is. */
public final class Line {
  final String url;
  private final String[] pins;
  /** Waiting times in ms: first and longest between attempts, and after a 401. */
  final long backoffFirstMs;
  final long backoffMostMs;
  final long unknownFirstMs;
  final long unknownMostMs;

  /** `pins`: SHA-256 over a public key of the server's chain, in hex; none: the system's roots alone decide. */
  public Line(String url, String[] pins) {
    this(url, pins, 500, 60_000, 60_000, 3_600_000);
  }

  public Line(
      String url, String[] pins, long backoffFirstMs, long backoffMostMs, long unknownFirstMs, long unknownMostMs) {
    this.url = url.replaceAll("/+$", "");
    this.pins = pins;
    this.backoffFirstMs = backoffFirstMs;
    this.backoffMostMs = backoffMostMs;
    this.unknownFirstMs = unknownFirstMs;
    this.unknownMostMs = unknownMostMs;
  }

  SSLSocketFactory tls() {
    try {
      return Pins.socketFactory(pins);
    } catch (GeneralSecurityException noTls) {
      throw new IllegalStateException(noTls);
    }
  }
}
