package org.heliograph.agent;

import org.junit.internal.TextListener;
import org.junit.runner.JUnitCore;
import org.junit.runner.Result;

/** Runs a class of tests and counts the cases that applied to this level and mode: one that was assumed away has proven nothing. */
public final class Cases {
  private Cases() {}

  public static void main(String[] arguments) throws ClassNotFoundException {
    JUnitCore core = new JUnitCore();
    core.addListener(new TextListener(System.out));
    Result result = core.run(Class.forName(arguments[0]));
    System.out.println("applied: " + (result.getRunCount() - result.getAssumptionFailureCount()));
    System.exit(result.wasSuccessful() ? 0 : 1);
  }
}
