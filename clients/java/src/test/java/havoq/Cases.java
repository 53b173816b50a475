package havoq;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Map;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/** Runs the tests and reports each as a case to tests/clients/program.ts. */
public final class Cases {
  public static void main(String[] args) {
    boolean[] failed = {false};
    var tests = LauncherDiscoveryRequestBuilder.request().selectors(selectClass(HavoqTest.class), selectClass(ExtensionTest.class)).build();
    LauncherFactory.create().execute(tests, new TestExecutionListener() {
      @Override
      public void executionFinished(TestIdentifier test, TestExecutionResult result) {
        boolean ok = result.getStatus() == TestExecutionResult.Status.SUCCESSFUL;
        failed[0] |= !ok;
        if (test.isContainer() && ok) return;
        StringWriter detail = new StringWriter();
        result.getThrowable().ifPresent(error -> error.printStackTrace(new PrintWriter(detail)));
        // program.ts knows a report by its first key.
        System.out.println("{\"case\":" + Api.text(words(test.getDisplayName())) + ","
            + Api.text(Map.of("ok", ok, "detail", detail.toString())).substring(1));
      }
    });
    System.exit(failed[0] ? 1 : 0);
  }

  /** {@code aFaultIsSeen(Havoq)} → {@code a fault is seen}. */
  private static String words(String name) {
    return name.replaceFirst("\\(.*", "").replaceAll("([A-Z])", " $1").toLowerCase();
  }
}
