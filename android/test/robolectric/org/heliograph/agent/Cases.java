package org.heliograph.agent;

import org.junit.internal.TextListener;
import org.junit.runner.JUnitCore;
import org.junit.runner.Result;

/** Runs classes of tests and counts the cases of each that applied to this level: one that was assumed away has proven nothing. */
public final class Cases {
  private Cases() {}

  public static void main(String[] arguments) throws ClassNotFoundException {
    JUnitCore core = new JUnitCore();
    core.addListener(new TextListener(System.out));
    boolean green = true;
    for (String name : arguments) {
      Result result = core.run(Class.forName(name));
      System.out.println("applied of " + name + ": " + (result.getRunCount() - result.getAssumptionFailureCount()));
      green &= result.wasSuccessful();
    }
    System.exit(green ? 0 : 1);
  }
}
