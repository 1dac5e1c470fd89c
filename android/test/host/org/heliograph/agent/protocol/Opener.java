package org.heliograph.agent.protocol;

import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPrivateKeySpec;
import java.security.spec.ECPublicKeySpec;
import java.util.Arrays;
import java.util.Scanner;

/** Opens what lines of standard input hold, in hex: private key, public key, sealed, info, aad; prints a line each, "no" if it cannot. */
public final class Opener {
  public static void main(String[] arguments) throws Exception {
    ECParameterSpec curve = OpeningKey.made().publicKey().getParams();
    KeyFactory factory = KeyFactory.getInstance("EC");
    Scanner lines = new Scanner(System.in);
    while (lines.hasNextLine()) {
      String[] fields = lines.nextLine().split(",", -1);
      byte[] point = Hex.bytes(fields[1]);
      BigInteger x = new BigInteger(1, Arrays.copyOfRange(point, 1, 33));
      ECPoint at = new ECPoint(x, new BigInteger(1, Arrays.copyOfRange(point, 33, 65)));
      ECPublicKey publicKey = (ECPublicKey) factory.generatePublic(new ECPublicKeySpec(at, curve));
      OpeningKey key = new OpeningKey(factory.generatePrivate(new ECPrivateKeySpec(new BigInteger(fields[0], 16), curve)), publicKey, "");
      try {
        System.out.println(Hex.of(Hpke.open(key, Hex.bytes(fields[2]), Hex.bytes(fields[3]), Hex.bytes(fields[4]))));
      } catch (GeneralSecurityException unopenable) {
        System.out.println("no");
      }
    }
  }
}
