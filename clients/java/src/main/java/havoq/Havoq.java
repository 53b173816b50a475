package havoq;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;

/**
 * Brokers for a test: started, or already there.
 *
 * <pre>{@code
 * try (Havoq havoq = Havoq.start()) {
 *   Rule lost = havoq.rule().match("operation", "Produce").when("nth", 2).fault("lose-answer", Map.of("cut", true)).add();
 *   // clients connect to havoq.kafkaBrokers()
 *   assertEquals(1, lost.fired());
 * }
 * }</pre>
 */
public final class Havoq extends Control implements AutoCloseable {
  private final Api api;
  private final JsonNode at;
  private Served served;

  private Havoq(Served served, String url, String token) {
    String variable = System.getenv("HAVOQ_ADMIN_TOKEN");
    this.served = served;
    this.api = new Api(url, token != null ? token : variable == null || variable.isEmpty() ? null : variable);
    this.at = served != null ? served.ready : status();
  }

  /** Kafka, MQTT and AMQP on free ports, as a child process. */
  public static Havoq start() {
    return options().start();
  }

  /** The same with options: {@code Havoq.options().seed(7).brokers(3).start()}. */
  public static Options options() {
    return new Options();
  }

  /** Brokers that run already, by the address of their HTTP API and its token (or null). They go on when this is closed. */
  public static Havoq connect(String url, String token) {
    return new Havoq(null, url, token);
  }

  /** The brokers at HAVOQ_ADMIN_URL, where it is set, as {@code havoq exec} does; else some of one's own. */
  public static Havoq ofEnvironment() {
    String url = System.getenv("HAVOQ_ADMIN_URL");
    return url == null || url.isEmpty() ? start() : connect(url, null);
  }

  /** How to start it. */
  public static final class Options {
    Long seed;
    Integer brokers;
    Map<String, ?> config;
    Path plugins;
    Path binary;
    String token;
    List<String> args = List.of();

    private Options() {}

    /** Of all random draws; else that of HAVOQ_SEED, or a fresh one. */
    public Options seed(long seed) {
      this.seed = seed;
      return this;
    }

    /** How many Kafka brokers. */
    public Options brokers(int brokers) {
      this.brokers = brokers;
      return this;
    }

    /** What a havoq.yaml may hold. */
    public Options config(Map<String, ?> config) {
      this.config = config;
      return this;
    }

    /** A folder of plugins. */
    public Options plugins(Path plugins) {
      this.plugins = plugins;
      return this;
    }

    /** Else that of HAVOQ_BINARY, or {@code havoq} on the PATH. */
    public Options binary(Path binary) {
      this.binary = binary;
      return this;
    }

    /** Where the configuration asks for one; else HAVOQ_ADMIN_TOKEN, which havoq itself reads too. */
    public Options token(String token) {
      this.token = token;
      return this;
    }

    /** More arguments of {@code havoq serve}. */
    public Options args(String... args) {
      this.args = List.of(args);
      return this;
    }

    public Havoq start() {
      Served served = new Served(this);
      JsonNode admin = served.ready.get("admin");
      return new Havoq(served, "http://" + host(admin) + ":" + admin.get("port").asInt(), token);
    }
  }

  // --- where things are

  /** {@code host:port,…} for {@code bootstrap.servers}; empty where Kafka is off, as the others below. */
  public String kafkaBrokers() {
    StringJoiner brokers = new StringJoiner(",");
    JsonNode kafka = at.path("kafka");
    kafka.path("ports").forEach(port -> brokers.add(host(kafka) + ":" + port.asInt()));
    return brokers.toString();
  }

  /** As Paho takes it: {@code tcp://host:port}. */
  public String mqttUrl() {
    return address("tcp://", "mqtt", "");
  }

  /** The vhost is spelled out: a bare "/" means vhost "/" to some clients and vhost "" to others. */
  public String amqpUrl() {
    return address("amqp://guest:guest@", "amqp", "/%2F");
  }

  /** The HTTP API. */
  public String adminUrl() {
    return api.url;
  }

  /** Of all random draws: the same seed, the same fate. */
  public long seed() {
    return at.get("seed").asLong();
  }

  /** It was started here, and ends when this is closed. */
  public boolean isOwned() {
    return served != null;
  }

  /** What the child process has printed. */
  public String output() {
    return served == null ? "" : served.output();
  }

  private String address(String before, String protocol, String after) {
    JsonNode place = at.path(protocol);
    return place.isObject() ? before + host(place) + ":" + place.get("port").asInt() + after : "";
  }

  private static String host(JsonNode place) {
    String host = place.get("host").asText();
    return host.contains(":") ? "[" + host + "]" : host;
  }

  /** Ends the brokers if they were started here; a second time nothing happens. */
  @Override
  public void close() {
    Served ending = served;
    served = null;
    if (ending != null) ending.stop();
  }

  // --- the HTTP API

  @Override
  public JsonNode request(String method, String path, Object body) {
    return api.json(method, path, body);
  }

  public JsonNode status() {
    return request("GET", "/api/status", null);
  }

  // --- rules and scenarios

  /** A rule, to be put in force by {@code add()}. */
  public Rule.Builder rule() {
    return new Rule.Builder(this);
  }

  /** Puts a rule in force that is written as in a chaos file: match, when, fault or preset. */
  public Rule rule(Map<String, ?> rule) {
    return new Rule(this, request("POST", "/api/rules", rule).get(0));
  }

  /** Removes all rules but those of plugins; how many. */
  public int clear() {
    return request("DELETE", "/api/rules", null).get("removed").asInt();
  }

  /** Begins a scenario: steps, converge, expect. */
  public Scenario scenario(Map<String, ?> scenario) {
    return new Scenario(this, request("POST", "/api/scenarios", scenario).get("id").asText());
  }

  /** Puts the rules of a chaos file in force and begins its scenarios. */
  public void chaos(Path file) {
    try {
      request("POST", "/api/scenarios/file", Map.of("name", file.getFileName().toString(), "text", Files.readString(file)));
    } catch (IOException error) {
      throw new HavoqException(error.toString(), error);
    }
  }

  // --- waiting, messages, findings

  /**
   * Waits for a state, such as {@code Map.of("group", "g", "is", "stable")}, {@code Map.of("topic", "t", "messages", 3)},
   * {@code Map.of("queue", "q", "ready", 0)}; fails with status 504 after its {@code timeout} ("30s") of the brokers' clock.
   */
  public void await(Map<String, ?> state) {
    request("POST", "/api/await", state);
  }

  /** Puts a message on a topic or exchange: {@code Map.of("protocol", "kafka", "topic", "orders", "payload", "…")}. */
  public void publish(Map<String, ?> message) {
    request("POST", "/api/messages", message);
  }

  /** Messages that lie in topics and queues, by protocol, destination, text, key, header, limit. */
  public List<JsonNode> messages(Map<String, ?> wanted) {
    StringJoiner query = new StringJoiner("&", "?", "");
    wanted.forEach((name, value) -> query.add(name + "=" + encoded(value.toString())));
    List<JsonNode> found = new ArrayList<>();
    request("GET", "/api/messages/search" + query, null).get("messages").forEach(found::add);
    return found;
  }

  /** Every verdict that fired and what was done to the brokers, oldest first. */
  public List<JsonNode> journal() {
    List<JsonNode> entries = new ArrayList<>();
    for (String line : new String(journalFile(), StandardCharsets.UTF_8).split("\n")) {
      try {
        JsonNode entry = Api.JSON.readTree(line);
        if (entry.has("n")) entries.add(entry);
      } catch (IOException error) {
        throw new HavoqException("journal: " + error.getMessage(), error);
      }
    }
    return entries;
  }

  /** What {@code havoq serve --replay FILE} plays again. */
  public byte[] journalFile() {
    return api.bytes("GET", "/api/journal", null, null);
  }

  /** Lets the oracle keep account of every message from now on. */
  public void keepAccount() {
    request("POST", "/api/oracle", null);
  }

  /** What became of every message: loss, duplicates, order, leftovers. */
  public JsonNode oracle() {
    return request("GET", "/api/oracle", null);
  }

  /** The state of all brokers. */
  public byte[] snapshot() {
    return api.bytes("GET", "/api/snapshot", null, null);
  }

  /** Puts a snapshot in the place of all state; every connection is reset. */
  public void restore(byte[] snapshot) {
    api.bytes("PUT", "/api/snapshot", snapshot, "application/msgpack");
  }

  static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
