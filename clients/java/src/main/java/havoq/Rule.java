package havoq;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.LinkedHashMap;
import java.util.Map;

/** A rule in force; closed, it is removed. */
public final class Rule implements AutoCloseable {
  private final Havoq havoq;
  private final String id;
  private JsonNode last;

  Rule(Havoq havoq, JsonNode status) {
    this.havoq = havoq;
    this.id = status.get("id").asText();
  }

  public String id() {
    return id;
  }

  /** As it is now, or as it was when it was removed. */
  public JsonNode status() {
    return last != null ? last : havoq.request("GET", path(), null);
  }

  /** How often it fired. */
  public int fired() {
    return status().get("fired").asInt();
  }

  /** How many events its match admitted. */
  public int matched() {
    return status().get("matched").asInt();
  }

  public boolean isEnabled() {
    return status().get("enabled").asBoolean();
  }

  /** Out of force for a while, or back. */
  public void enable(boolean enabled) {
    havoq.request("PATCH", path(), Map.of("enabled", enabled));
  }

  /** Waits until it has fired so often; fails after {@code timeout}, such as "5s", of the brokers' clock. */
  public void awaitFired(int times, String timeout) {
    havoq.await(Map.of("fired", id, "times", times, "timeout", timeout));
  }

  /** What its fault did to the brokers is taken back. */
  public void remove() {
    if (last != null) return;
    JsonNode status = status();
    havoq.request("DELETE", path(), null);
    ((ObjectNode) status).put("enabled", false);
    last = status;
  }

  @Override
  public void close() {
    remove();
  }

  @Override
  public String toString() {
    return "Rule " + id;
  }

  private String path() {
    return "/api/rules/" + Havoq.encoded(id);
  }

  /** A rule as it is written: {@link Havoq#rule()}. */
  public static final class Builder {
    private final Havoq havoq;
    private final Map<String, Object> rule = new LinkedHashMap<>();
    private final Map<String, Object> match = new LinkedHashMap<>();
    private final Map<String, Object> when = new LinkedHashMap<>();

    Builder(Havoq havoq) {
      this.havoq = havoq;
    }

    public Builder name(String name) {
      rule.put("name", name);
      return this;
    }

    /** {@code match("topic", "orders.*")}; all that is given must hold. */
    public Builder match(String key, Object value) {
      match.put(key, value);
      return this;
    }

    /** {@code when("probability", 0.2)}. */
    public Builder when(String key, Object value) {
      when.put(key, value);
      return this;
    }

    /** How long it is in force once it fired, such as "10s": {@code for} of the grammar. */
    public Builder lasting(String duration) {
      rule.put("for", duration);
      return this;
    }

    public Builder fault(String name) {
      rule.put("fault", name);
      return this;
    }

    public Builder fault(String name, Map<String, ?> options) {
      rule.put("fault", Map.of(name, options));
      return this;
    }

    public Builder preset(String name, Map<String, ?> options) {
      rule.put("preset", Map.of(name, options));
      return this;
    }

    /** Puts it in force. */
    public Rule add() {
      if (!match.isEmpty()) rule.put("match", match);
      if (!when.isEmpty()) rule.put("when", when);
      return havoq.rule(rule);
    }
  }
}
