package org.heliograph.agent.protocol;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECFieldFp;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * HPKE, the receiver's side of base mode (RFC 9180): DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. All of it is in the providers
 * of Android 7.
 */
final class Hpke {
  private static final int COORDINATE_BYTES = 32;
  private static final int POINT_BYTES = 1 + 2 * COORDINATE_BYTES;
  private static final byte UNCOMPRESSED = 4;
  private static final int HASH_BYTES = 32;
  private static final int KEY_BYTES = 16;
  private static final int NONCE_BYTES = 12;
  private static final int TAG_BITS = 128;
  private static final byte[] NOTHING = {};
  /** §7.1, §7.2, §7.3: 0x0010, 0x0001, 0x0001. */
  private static final byte[] KEM = joined(ascii("KEM"), new byte[] {0, 0x10});
  private static final byte[] SUITE = joined(ascii("HPKE"), new byte[] {0, 0x10, 0, 1, 0, 1});
  private static final byte[] BASE = {0};

  private Hpke() {}

  /** What was sealed (`enc`, then the ciphertext) to this key, with this `info` and `aad`. @throws GeneralSecurityException it was not */
  static byte[] open(OpeningKey key, byte[] sealed, byte[] info, byte[] aad) throws GeneralSecurityException {
    if (sealed.length < POINT_BYTES) throw new GeneralSecurityException("too short");
    byte[] enc = Arrays.copyOf(sealed, POINT_BYTES);
    byte[] shared = decapsulated(key, enc);
    byte[] context = joined(BASE, extract(SUITE, NOTHING, "psk_id_hash", NOTHING), extract(SUITE, NOTHING, "info_hash", info));
    byte[] secret = extract(SUITE, shared, "secret", NOTHING);
    Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
    cipher.init(Cipher.DECRYPT_MODE, new SecretKeySpec(expand(SUITE, secret, "key", context, KEY_BYTES), "AES"),
        new GCMParameterSpec(TAG_BITS, expand(SUITE, secret, "base_nonce", context, NONCE_BYTES)));
    if (aad.length > 0) cipher.updateAAD(aad);
    return cipher.doFinal(sealed, POINT_BYTES, sealed.length - POINT_BYTES);
  }

  /** A public key as RFC 9180 §7.1.1 writes it. */
  static byte[] point(ECPublicKey key) {
    return joined(new byte[] {UNCOMPRESSED}, fixed(key.getW().getAffineX()), fixed(key.getW().getAffineY()));
  }

  /** §4.1, Decap. */
  private static byte[] decapsulated(OpeningKey key, byte[] enc) throws GeneralSecurityException {
    byte[] agreed = extract(KEM, NOTHING, "eae_prk", key.agree(publicKey(enc, key.publicKey().getParams())));
    return expand(KEM, agreed, "shared_secret", joined(enc, point(key.publicKey())), HASH_BYTES);
  }

  /** The point, which is on the curve: another one would give the private key away bit by bit (§7.1.4). */
  private static ECPublicKey publicKey(byte[] point, ECParameterSpec curve) throws GeneralSecurityException {
    BigInteger x = new BigInteger(1, Arrays.copyOfRange(point, 1, 1 + COORDINATE_BYTES));
    BigInteger y = new BigInteger(1, Arrays.copyOfRange(point, 1 + COORDINATE_BYTES, POINT_BYTES));
    BigInteger p = ((ECFieldFp) curve.getCurve().getField()).getP();
    BigInteger right = x.pow(3).add(curve.getCurve().getA().multiply(x)).add(curve.getCurve().getB());
    boolean onCurve = x.compareTo(p) < 0 && y.compareTo(p) < 0 && y.pow(2).subtract(right).mod(p).signum() == 0;
    if (point[0] != UNCOMPRESSED || !onCurve) throw new GeneralSecurityException("not a point of the curve");
    return (ECPublicKey) KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(new ECPoint(x, y), curve));
  }

  /** §4, LabeledExtract. */
  private static byte[] extract(byte[] suite, byte[] salt, String label, byte[] material) throws GeneralSecurityException {
    return hmac(salt.length == 0 ? new byte[HASH_BYTES] : salt, joined(ascii("HPKE-v1"), suite, ascii(label), material));
  }

  /** §4, LabeledExpand of at most one hash. */
  private static byte[] expand(byte[] suite, byte[] key, String label, byte[] info, int bytes) throws GeneralSecurityException {
    byte[] labeled = joined(new byte[] {0, (byte) bytes}, ascii("HPKE-v1"), suite, ascii(label), info);
    return Arrays.copyOf(hmac(key, joined(labeled, new byte[] {1})), bytes);
  }

  private static byte[] hmac(byte[] key, byte[] text) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(key, "HmacSHA256"));
    return mac.doFinal(text);
  }

  private static byte[] fixed(BigInteger number) {
    byte[] bytes = number.toByteArray(); // may have a sign byte before it, or be shorter
    byte[] fixed = new byte[COORDINATE_BYTES];
    int taken = Math.min(bytes.length, COORDINATE_BYTES);
    System.arraycopy(bytes, bytes.length - taken, fixed, COORDINATE_BYTES - taken, taken);
    return fixed;
  }

  private static byte[] ascii(String text) {
    return text.getBytes(Json.UTF_8);
  }

  private static byte[] joined(byte[]... parts) {
    int length = 0;
    for (byte[] part : parts) length += part.length;
    byte[] all = new byte[length];
    int at = 0;
    for (byte[] part : parts) {
      System.arraycopy(part, 0, all, at, part.length);
      at += part.length;
    }
    return all;
  }
}
