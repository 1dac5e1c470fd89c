package org.heliograph.agent;

import android.os.Build;
import android.security.keystore.KeyGenParameterSpec;
import android.security.keystore.KeyProperties;
import android.util.Log;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.ProviderException;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import org.heliograph.agent.protocol.OpeningKey;

/**
 * The phone's key for secrets: in Android's keystore, which never gives it out, from API 31 on, the first whose keystore agrees on keys;
 * below that, and where the keystore fails, in the agent's own storage.
 */
final class Keys {
  private static final String KEYSTORE = "AndroidKeyStore";
  private static final String ALIAS = "heliograph secrets";

  private Keys() {}

  /** The same one until `forget`. */
  static OpeningKey of(Memory memory) {
    OpeningKey kept = OpeningKey.read(memory.get(Memory.OPENING_KEY));
    if (kept != null) return kept;
    if (Build.VERSION.SDK_INT >= 31) {
      try {
        return inKeystore();
      } catch (GeneralSecurityException | IOException | ProviderException broken) {
        Log.w("Heliograph", "the keystore keeps no key for secrets: " + broken);
      }
    }
    OpeningKey made = OpeningKey.made();
    memory.put(Memory.OPENING_KEY, made.written());
    return made;
  }

  /** The phone is managed no more: what was sealed to its key stays sealed for ever. */
  static void forget(Memory memory) {
    if (!memory.get(Memory.OPENING_KEY).isEmpty()) memory.put(Memory.OPENING_KEY, "");
    try {
      KeyStore store = KeyStore.getInstance(KEYSTORE);
      store.load(null);
      if (store.containsAlias(ALIAS)) store.deleteEntry(ALIAS);
    } catch (GeneralSecurityException | IOException noKeystore) {
      return;
    }
  }

  private static OpeningKey inKeystore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance(KEYSTORE);
    store.load(null);
    if (!store.containsAlias(ALIAS)) {
      KeyPairGenerator generator = KeyPairGenerator.getInstance(KeyProperties.KEY_ALGORITHM_EC, KEYSTORE);
      generator.initialize(new KeyGenParameterSpec.Builder(ALIAS, KeyProperties.PURPOSE_AGREE_KEY)
          .setAlgorithmParameterSpec(new ECGenParameterSpec(OpeningKey.CURVE))
          .build());
      generator.generateKeyPair();
    }
    PrivateKey key = (PrivateKey) store.getKey(ALIAS, null);
    return new OpeningKey(key, (ECPublicKey) store.getCertificate(ALIAS).getPublicKey(), KEYSTORE);
  }
}
