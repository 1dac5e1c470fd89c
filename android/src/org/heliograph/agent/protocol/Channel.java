package org.heliograph.agent.protocol;

import java.io.IOException;
import org.json.JSONObject;

/** One connection to the server. Messages may be sent by several threads, news are awaited by one. */
interface Channel {
  /** The answer to a message on the connection; `operation` is empty for one about none. */
  Reply send(String kind, String operation, JSONObject body) throws IOException, InterruptedException;

  /** The next offer or policy, or what the server says instead of one. */
  Reply next() throws IOException, InterruptedException;

  /** Whether it is silent until someone says something: it is kept open by pings. */
  boolean needsPings();

  /** The connection is gone; every waiting method throws. */
  void close();

  /** Makes connections: says hello on a new one. */
  interface Maker {
    /** The answer to hello; if it is ok, the connection stands. */
    Greeting greet(String credential, JSONObject hello) throws IOException, InterruptedException;
  }

  /** The server's answer to hello, with the connection if it is ok. */
  final class Greeting {
    final Reply reply;
    final Channel channel;

    Greeting(Reply reply, Channel channel) {
      this.reply = reply;
      this.channel = channel;
    }
  }
}
