package org.heliograph.agent.protocol;

import java.io.IOException;
import org.json.JSONObject;

/** Says hello once over HTTP and once over a WebSocket: prints the status of each answer, or why there was none. Arguments: URL, pins. */
public final class Caller {
  private interface Call {
    Reply call() throws IOException;
  }

  public static void main(String[] arguments) throws Exception {
    String[] pins = arguments.length > 1 ? arguments[1].split(",") : new String[0];
    Line line = new Line(arguments[0], pins);
    show(() -> new Http(line).post("hello", new JSONObject(), "nobody", ""));
    show(() -> denied(line));
  }

  /** How the server denies a WebSocket to a phone that it does not know. */
  private static Reply denied(Line line) throws IOException {
    try {
      Frames.open(line, "nobody");
      throw new IllegalStateException("the server lets nobody in");
    } catch (Frames.Denied denied) {
      return denied.reply;
    }
  }

  private static void show(Call call) {
    try {
      System.out.println(call.call().status);
    } catch (IOException refused) {
      System.out.println(refused.getClass().getSimpleName());
    }
  }
}
