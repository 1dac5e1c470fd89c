package org.heliograph.agent.protocol;

import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocketFactory;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

/** Believes a server that the system believes and, if pins are set, whose chain has one of these public keys. */
final class Pins implements X509TrustManager {
  private final X509TrustManager system;
  private final String[] pins;

  private Pins(X509TrustManager system, String[] pins) {
    this.system = system;
    this.pins = pins;
  }

  static SSLSocketFactory socketFactory(String[] pins) throws GeneralSecurityException {
    if (pins.length == 0) return (SSLSocketFactory) SSLSocketFactory.getDefault();
    TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init((KeyStore) null);
    for (TrustManager manager : factory.getTrustManagers()) {
      if (!(manager instanceof X509TrustManager)) continue;
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, new TrustManager[] {new Pins((X509TrustManager) manager, pins)}, null);
      return context.getSocketFactory();
    }
    throw new GeneralSecurityException("this system has no root certificates");
  }

  @Override
  public void checkServerTrusted(X509Certificate[] chain, String authType) throws CertificateException {
    system.checkServerTrusted(chain, authType);
    for (X509Certificate certificate : chain) {
      String key = Hex.sha256(certificate.getPublicKey().getEncoded());
      for (String pin : pins) {
        if (pin.equalsIgnoreCase(key)) return;
      }
    }
    throw new CertificateException("the server's chain has none of the pinned keys");
  }

  @Override
  public void checkClientTrusted(X509Certificate[] chain, String authType) throws CertificateException {
    throw new CertificateException("this is not a server");
  }

  @Override
  public X509Certificate[] getAcceptedIssuers() {
    return system.getAcceptedIssuers();
  }
}
