package org.heliograph.agent.protocol;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import org.json.JSONException;
import org.json.JSONObject;

/** Reads what happened to a phone in a network, a line each, and writes what the phone asks for then: {@code passed 60}, {@code lost 90}, {@code new}. */
public final class PlayedSilences {
  public static void main(String[] none) throws IOException, JSONException {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    Silences silences = Silences.of(new JSONObject());
    for (String line; (line = in.readLine()) != null; ) {
      String[] words = line.split(" ");
      if (words[0].equals("new")) silences = Silences.of(new JSONObject());
      if (words[0].equals("passed")) silences = silences.afterPassed(Integer.parseInt(words[1]));
      if (words[0].equals("lost")) silences = silences.afterLost(Integer.parseInt(words[1]));
      silences = Silences.of(new JSONObject(silences.kept().toString())); // as over a restart
      System.out.println(silences.nextS() + " " + silences.passedS + " " + silences.lostS);
    }
  }
}
