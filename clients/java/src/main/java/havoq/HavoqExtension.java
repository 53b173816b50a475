package havoq;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ExtensionContext.Store;
import org.junit.jupiter.api.extension.LifecycleMethodExecutionExceptionHandler;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;
import org.opentest4j.TestAbortedException;

/**
 * Gives tests of JUnit 5 a {@link Havoq} as a parameter: brokers that no other test has touched, or with
 * {@link #perClass} the same ones for all tests of a class. A failed test tells the seed, the faults that fired and
 * how to repeat it.
 *
 * <pre>{@code
 * @ExtendWith(HavoqExtension.class)
 * class ShopTest {
 *   @Test
 *   void anOrderIsBookedOnce(Havoq havoq) { … }
 * }
 * }</pre>
 *
 * <p>With options: {@code @RegisterExtension static final HavoqExtension HAVOQ = HavoqExtension.perClass(Havoq.options().seed(7))}.
 * A method {@code @BeforeAll} that asks for a Havoq makes it one for the class too.
 *
 * <p>Where HAVOQ_ADMIN_URL is set, as {@code havoq exec} does, and no options are given, they are the brokers that run
 * there, put back before each use to how they were at first, without the rules that tests added.
 */
public final class HavoqExtension
    implements ParameterResolver, BeforeAllCallback, AfterEachCallback, AfterAllCallback,
        TestExecutionExceptionHandler, LifecycleMethodExecutionExceptionHandler {
  private static final Namespace HERE = Namespace.create(HavoqExtension.class);

  private final Havoq.Options options;
  private final boolean forClass;

  /** One for each test. */
  public HavoqExtension() {
    this(null, false);
  }

  private HavoqExtension(Havoq.Options options, boolean forClass) {
    this.options = options;
    this.forClass = forClass;
  }

  public static HavoqExtension perTest(Havoq.Options options) {
    return new HavoqExtension(options, false);
  }

  public static HavoqExtension perClass() {
    return new HavoqExtension(null, true);
  }

  public static HavoqExtension perClass(Havoq.Options options) {
    return new HavoqExtension(options, true);
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == Havoq.class;
  }

  /** What the class has is the test's too: stores look in those above them. */
  @Override
  public Havoq resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context.getStore(HERE).getOrComputeIfAbsent(Havoq.class, key -> open(context), Havoq.class);
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    if (forClass) context.getStore(HERE).getOrComputeIfAbsent(Havoq.class, key -> open(context));
  }

  @Override
  public void afterEach(ExtensionContext context) {
    close(context.getStore(HERE));
  }

  @Override
  public void afterAll(ExtensionContext context) {
    close(context.getStore(HERE));
  }

  /** The brokers around, and what was in them before the first test. */
  private record Around(Havoq havoq, byte[] before) {}

  private Havoq open(ExtensionContext context) {
    if (options != null) return options.start();
    Havoq opened = Havoq.ofEnvironment();
    if (!opened.isOwned()) {
      Around around = context.getRoot().getStore(HERE)
          .getOrComputeIfAbsent(Around.class, key -> new Around(opened, opened.snapshot()), Around.class);
      opened.restore(around.before);
    }
    return opened;
  }

  /** Only of this store: {@code remove} does not look further up. */
  private static void close(Store store) {
    Havoq havoq = store.remove(Havoq.class, Havoq.class);
    if (havoq == null) return;
    try (havoq) {
      if (!havoq.isOwned()) havoq.request("DELETE", "/api/rules?source=api", null);
    }
  }

  // --- what a failed test tells

  @Override
  public void handleTestExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
    throw explained(context, failure);
  }

  @Override
  public void handleBeforeEachMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
    throw explained(context, failure);
  }

  @Override
  public void handleAfterEachMethodExecutionException(ExtensionContext context, Throwable failure) throws Throwable {
    throw explained(context, failure);
  }

  private static Throwable explained(ExtensionContext context, Throwable failure) {
    Havoq havoq = context.getStore(HERE).get(Havoq.class, Havoq.class);
    if (havoq != null && !(failure instanceof TestAbortedException)) failure.addSuppressed(new Account(account(context, havoq)));
    return failure;
  }

  /** Stands under the failure in every report, without a stack of its own. */
  private static final class Account extends Exception {
    private static final long serialVersionUID = 1;

    Account(String text) {
      super(text, null, false, false);
    }

    @Override
    public String toString() {
      return getMessage();
    }
  }

  private static String account(ExtensionContext context, Havoq havoq) {
    StringBuilder text = new StringBuilder("havoq: seed ").append(havoq.seed());
    try {
      Map<String, Integer> fired = new LinkedHashMap<>();
      for (JsonNode entry : havoq.journal()) {
        fired.merge(entry.get("rule").asText() + ": " + entry.path("verdict").asText(entry.path("action").asText()), 1, Integer::sum);
      }
      if (fired.isEmpty()) text.append("\n  no fault fired");
      fired.forEach((what, times) -> text.append("\n  ").append(times).append(" × ").append(what));
    } catch (HavoqException error) {
      text.append("\n  it does not answer any more: ").append(error.getMessage());
    }
    String test = context.getRequiredTestClass().getName() + "#" + context.getRequiredTestMethod().getName();
    String command = "mvn test -Dtest='" + test + "'";
    text.append("\n  the same again: HAVOQ_SEED=").append(havoq.seed()).append(havoq.isOwned() ? " " : " havoq exec … -- ").append(command);
    String output = havoq.output().strip();
    return output.isEmpty() ? text.toString() : text.append("\n  it printed:\n").append(output).toString();
  }
}
