package havoq;

import com.fasterxml.jackson.databind.JsonNode;

/** A scenario that runs, or ran. */
public final class Scenario {
  private final Havoq havoq;
  private final String id;

  Scenario(Havoq havoq, String id) {
    this.havoq = havoq;
    this.id = id;
  }

  public String id() {
    return id;
  }

  public String status() {
    return havoq.request("GET", path(), null).get("status").asText();
  }

  /** Waits for the end: {@code passed}, {@code steps}, {@code expectations}, {@code rules}, {@code healedMs}. */
  public JsonNode result() {
    return havoq.request("GET", path() + "?wait=true", null).get("result");
  }

  /** Ends it, without a judgement; what it did is healed. */
  public void stop() {
    havoq.request("DELETE", path(), null);
  }

  private String path() {
    return "/api/scenarios/" + Havoq.encoded(id);
  }
}
