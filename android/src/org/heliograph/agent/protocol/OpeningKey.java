package org.heliograph.agent.protocol;

import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Iterator;
import javax.crypto.KeyAgreement;
import org.json.JSONException;
import org.json.JSONObject;

/** The key that secrets for this phone are sealed to (docs/device-protocol.md, Sealed secrets). Its private half may stand in hardware. */
public final class OpeningKey {
  public static final String CURVE = "secp256r1";
  private static final int ID_BYTES = 8;

  private final PrivateKey privateKey;
  private final ECPublicKey publicKey;
  private final String provider;

  /** `provider`: whose the private key is; empty: any provider can use it. */
  public OpeningKey(PrivateKey privateKey, ECPublicKey publicKey, String provider) {
    this.privateKey = privateKey;
    this.publicKey = publicKey;
    this.provider = provider;
  }

  /** A new one, in memory. */
  public static OpeningKey made() {
    try {
      KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
      generator.initialize(new ECGenParameterSpec(CURVE));
      KeyPair pair = generator.generateKeyPair();
      return new OpeningKey(pair.getPrivate(), (ECPublicKey) pair.getPublic(), "");
    } catch (GeneralSecurityException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** The key that `written` gave; null if it gave none. */
  public static OpeningKey read(String text) {
    try {
      String[] halves = text.split(",");
      if (halves.length != 2) return null;
      KeyFactory factory = KeyFactory.getInstance("EC");
      return new OpeningKey(factory.generatePrivate(new PKCS8EncodedKeySpec(Hex.bytes(halves[0]))),
          (ECPublicKey) factory.generatePublic(new X509EncodedKeySpec(Hex.bytes(halves[1]))), "");
    } catch (GeneralSecurityException | NumberFormatException damaged) {
      return null;
    }
  }

  /** For a place that no one else reads. */
  public String written() {
    return Hex.of(privateKey.getEncoded()) + "," + Hex.of(publicKey.getEncoded());
  }

  /** As messages carry it. */
  String shown() {
    return Hex.of(Hpke.point(publicKey));
  }

  ECPublicKey publicKey() {
    return publicKey;
  }

  /** What both keys agree on: the x coordinate. */
  byte[] agree(ECPublicKey other) throws GeneralSecurityException {
    KeyAgreement agreement = provider.isEmpty() ? KeyAgreement.getInstance("ECDH") : KeyAgreement.getInstance("ECDH", provider);
    agreement.init(privateKey);
    agreement.doPhase(other, true);
    return agreement.generateSecret();
  }

  /**
   * The Command in an offer or an answer, opened if it is sealed; null if there is none.
   *
   * @throws GeneralSecurityException it is sealed to another key, or for another operation
   */
  static JSONObject commandIn(JSONObject message, String operation, OpeningKey key) throws GeneralSecurityException {
    JSONObject sealed = message.optJSONObject("sealedCommand");
    if (sealed == null) return message.optJSONObject("command");
    if (key == null || !sealed.optString("keyId").equals(key.id())) throw new GeneralSecurityException("sealed to another key");
    try {
      byte[] info = ("heliograph command secrets\n" + operation).getBytes(Json.UTF_8);
      byte[] secrets = Hpke.open(key, Hex.bytes(sealed.optString("secrets")), info, new byte[0]);
      return merged(Json.copy(Json.in(sealed, "command")), new JSONObject(new String(secrets, Json.UTF_8)));
    } catch (JSONException | NumberFormatException malformed) {
      throw new GeneralSecurityException("not JSON");
    }
  }

  private String id() {
    return Hex.sha256(Hpke.point(publicKey)).substring(0, 2 * ID_BYTES);
  }

  private static JSONObject merged(JSONObject into, JSONObject secrets) throws JSONException {
    for (Iterator<String> names = secrets.keys(); names.hasNext(); ) {
      String name = names.next();
      JSONObject inner = secrets.optJSONObject(name);
      into.put(name, inner != null && into.optJSONObject(name) != null ? merged(into.getJSONObject(name), inner) : secrets.get(name));
    }
    return into;
  }
}
