import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.logging.LogManager;

/** Runs the cases of one client program; each is reported as one line of JSON. */
final class Cases {
    static final String BROKERS = System.getenv("KAFKA_BROKERS");
    static final String MQTT_URL = System.getenv("MQTT_URL");
    static final String AMQP_URL = System.getenv("AMQP_URL");

    interface Body {
        void run() throws Exception;
    }

    private record Case(String name, Body body) {}

    private final List<Case> all = new ArrayList<>();

    Cases add(String name, Body body) {
        all.add(new Case(name, body));
        return this;
    }

    /** Runs all cases, or those whose name contains one of the arguments, and ends the program. */
    void run(String[] wanted) {
        LogManager.getLogManager().reset(); // Paho logs every packet
        boolean failed = false;
        for (Case one : all) {
            if (wanted.length > 0 && Arrays.stream(wanted).noneMatch(one.name::contains)) continue;
            long started = System.nanoTime();
            String failure = "";
            try {
                one.body.run();
            } catch (Throwable error) {
                error.printStackTrace();
                failure = error + " ";
                failed = true;
            }
            String detail = String.format("%s%.1f s", failure, (System.nanoTime() - started) / 1e9);
            System.out.printf("{\"case\": %s, \"ok\": %b, \"detail\": %s}%n", json(one.name), failure.isEmpty(), json(detail));
        }
        System.exit(failed ? 1 : 0);
    }

    /** A name that no other run uses. */
    static String unique(String name) {
        return name + "-" + UUID.randomUUID().toString().substring(0, 8);
    }

    static void equal(Object actual, Object expected, String what) {
        if (!Objects.deepEquals(actual, expected)) {
            throw new AssertionError(what + ": expected " + brief(expected) + ", got " + brief(actual));
        }
    }

    /** Calls `done` until it answers true. */
    static void until(String what, Callable<Boolean> done) throws Exception {
        long deadline = System.nanoTime() + 40_000_000_000L;
        while (!done.call()) {
            if (System.nanoTime() > deadline) throw new AssertionError("timed out: " + what);
            Thread.sleep(5);
        }
    }

    /** The error, or one of its causes, which must be of this type. */
    static <E extends Throwable> E thrown(Class<E> type, Body body) throws Exception {
        try {
            body.run();
        } catch (Throwable error) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                if (type.isInstance(cause)) return type.cast(cause);
            }
            throw error;
        }
        throw new AssertionError("expected " + type.getSimpleName());
    }

    private static String brief(Object value) {
        String text = String.valueOf(value);
        return text.length() < 300 ? text : text.substring(0, 300) + "… (" + text.length() + " characters)";
    }

    private static String json(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        return out.append('"').toString();
    }
}
