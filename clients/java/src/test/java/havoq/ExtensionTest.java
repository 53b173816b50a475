package havoq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;
import org.junit.platform.launcher.listeners.SummaryGeneratingListener;
import org.junit.platform.launcher.listeners.TestExecutionSummary;

/** How the extension hands out brokers, tried on classes that it is used in. */
class ExtensionTest {
  private static final List<Havoq> SEEN = new ArrayList<>();

  private static TestExecutionSummary run(Class<?> tests) {
    SEEN.clear();
    var summary = new SummaryGeneratingListener();
    LauncherFactory.create().execute(LauncherDiscoveryRequestBuilder.request().selectors(selectClass(tests)).build(), summary);
    return summary.getSummary();
  }

  private static void passes(Class<?> tests, int count) {
    TestExecutionSummary summary = run(tests);
    summary.getFailures().forEach(failure -> fail(failure.getException()));
    assertEquals(count, summary.getTestsSucceededCount());
  }

  @ExtendWith(HavoqExtension.class)
  static class EachItsOwn {
    Havoq before;

    @BeforeEach
    void takes(Havoq havoq) {
      before = havoq;
      SEEN.add(havoq);
    }

    @Test
    void one(Havoq havoq) {
      assertSame(before, havoq);
      assertEquals(List.of(), HavoqTest.stored(havoq));
      havoq.publish(Map.of("protocol", "kafka", "topic", "orders", "payload", "mine"));
    }

    @Test
    void two(Havoq havoq) {
      one(havoq);
    }
  }

  @Test
  void eachTestHasBrokersThatNoOtherHasTouched() {
    passes(EachItsOwn.class, 2);
    assertNotSame(SEEN.get(0), SEEN.get(1));
    SEEN.forEach(havoq -> assertTrue(!havoq.isOwned(), "it was closed"));
  }

  static class OneForAll {
    @RegisterExtension
    static final HavoqExtension HAVOQ = HavoqExtension.perClass(Havoq.options().seed(11));

    @Test
    void one(Havoq havoq) {
      SEEN.add(havoq);
      assertTrue(havoq.isOwned());
      assertEquals(11, havoq.seed());
    }

    @Test
    void two(Havoq havoq) {
      one(havoq);
    }
  }

  @ExtendWith(HavoqExtension.class)
  static class OneAskedForBeforeAll {
    @BeforeAll
    static void takes(Havoq havoq) {
      SEEN.add(havoq);
    }

    @Test
    void one(Havoq havoq) {
      SEEN.add(havoq);
      assertTrue(havoq.isOwned());
    }
  }

  @Test
  void aClassCanHaveOneForAllItsTests() {
    passes(OneForAll.class, 2);
    assertSame(SEEN.get(0), SEEN.get(1));
    assertTrue(!SEEN.get(0).isOwned(), "it was closed");
    passes(OneAskedForBeforeAll.class, 1);
    assertSame(SEEN.get(0), SEEN.get(1));
    assertTrue(!SEEN.get(0).isOwned(), "it was closed");
  }

  static class Failing {
    @RegisterExtension
    static final HavoqExtension HAVOQ = HavoqExtension.perTest(Havoq.options().seed(77));

    @Test
    void ordersAreBooked(Havoq havoq) throws Exception {
      havoq.rule().name("lossy").match("topic", "orders").fault("drop").add();
      HavoqTest.produce(havoq, "orders", List.of("a", "b"));
      assertEquals(List.of("a", "b"), HavoqTest.stored(havoq));
    }
  }

  @Test
  void aFailedTestTellsTheSeedAndHowToRepeatIt() {
    TestExecutionSummary summary = run(Failing.class);
    assertEquals(1, summary.getTestsFailedCount());
    StringWriter report = new StringWriter();
    summary.getFailures().get(0).getException().printStackTrace(new PrintWriter(report));
    String text = report.toString();
    assertTrue(text.contains("Suppressed: havoq: seed 77"), text);
    assertTrue(text.contains("2 × lossy/message: drop"), text);
    assertTrue(text.contains("HAVOQ_SEED=77 mvn test -Dtest='havoq.ExtensionTest$Failing#ordersAreBooked'"), text);
  }
}
