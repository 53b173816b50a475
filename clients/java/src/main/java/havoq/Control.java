package havoq;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The control surface: what can be done to the brokers. A broker is a Kafka node id, "mqtt" or "amqp"; a connection
 * filter holds protocol, client, user, broker, transport or id, with {@code *} and {@code ?} in texts.
 */
public abstract class Control {
  /** Any request to the HTTP API: JSON there and back. */
  public abstract JsonNode request(String method, String path, Object body);

  /** Any method by the name that it has in the HTTP API: {@code control("electLeader", Map.of("topic", "orders", "partition", 0))}. */
  public JsonNode control(String method, Map<String, ?> args) {
    return request("POST", "/api/control/" + method, args).get("result");
  }

  // --- brokers

  /** It goes away, its connections are reset. */
  public void killBroker(Object broker) {
    control("killBroker", Map.of("broker", broker));
  }

  public void restartBroker(Object broker) {
    control("restartBroker", Map.of("broker", broker));
  }

  /** It goes away without what it had not written to its disk; how many messages are lost. Options: records, ms, unclean. */
  public int crashBroker(Object broker, Map<String, ?> unflushed) {
    Map<String, Object> args = new LinkedHashMap<>(unflushed);
    args.put("broker", broker);
    return control("crashBroker", args).asInt();
  }

  /** It stops answering without closing anything. */
  public void pauseBroker(Object broker) {
    control("pauseBroker", Map.of("broker", broker));
  }

  public void resumeBroker(Object broker) {
    control("resumeBroker", Map.of("broker", broker));
  }

  // --- connections

  /** Closes connections: FIN, or RST with {@code reset}; how many. */
  public int disconnect(Map<String, ?> filter, boolean reset) {
    Map<String, Object> args = new LinkedHashMap<>(filter);
    args.put("reset", reset);
    return request("POST", "/api/connections/disconnect", args).get("connections").asInt();
  }

  /** Neither reads from these connections nor writes to them, until {@link #unblock}. */
  public int block(Map<String, ?> filter) {
    return request("POST", "/api/connections/block", filter).get("connections").asInt();
  }

  public int unblock(Map<String, ?> filter) {
    return request("POST", "/api/connections/unblock", filter).get("connections").asInt();
  }

  /** What these clients send no longer arrives ("in"), or what is sent to them ("out"), or neither ("both"), until {@link #heal}. */
  public int partition(Map<String, ?> filter, String direction) {
    return control("partition", Map.of("filter", filter, "direction", direction)).asInt();
  }

  /** Ends all partitions. */
  public int heal() {
    return control("heal", Map.of()).asInt();
  }

  /** Ends the partitions with this filter. */
  public int heal(Map<String, ?> filter) {
    return control("heal", Map.of("filter", filter)).asInt();
  }

  /** What these clients hold unacknowledged is delivered again. */
  public int redeliver(Map<String, ?> filter) {
    return control("redeliver", Map.of("filter", filter)).asInt();
  }

  // --- Kafka

  /** Makes the next replica in line the leader; its node id. */
  public int electLeader(String topic, int partition) {
    return control("electLeader", Map.of("topic", topic, "partition", partition)).asInt();
  }

  public int electLeader(String topic, int partition, int broker) {
    return control("electLeader", Map.of("topic", topic, "partition", partition, "broker", broker)).asInt();
  }

  public int movePartition(String topic, int partition, int broker) {
    return control("movePartition", Map.of("topic", topic, "partition", partition, "broker", broker)).asInt();
  }

  public int freezeMetadata(String topic) {
    return control("freezeMetadata", Map.of("topic", topic)).asInt();
  }

  public int refreshMetadata(String topic) {
    return control("refreshMetadata", Map.of("topic", topic)).asInt();
  }

  public int moveCoordinator(String group, int broker) {
    return control("moveCoordinator", Map.of("group", group, "broker", broker)).asInt();
  }

  /** False when it has no members. */
  public boolean rebalance(String group) {
    return control("rebalance", Map.of("group", group)).asBoolean();
  }

  public boolean expelMember(String group, String memberId) {
    return control("expelMember", Map.of("group", group, "memberId", memberId)).asBoolean();
  }

  // --- MQTT and AMQP

  public boolean expireSession(String clientId) {
    return control("expireSession", Map.of("clientId", clientId)).asBoolean();
  }

  /** AMQP publishers wait, as when a broker is low on memory. */
  public void raiseAlarm() {
    control("raiseAlarm", Map.of());
  }

  public void clearAlarm() {
    control("clearAlarm", Map.of());
  }

  // --- time

  /** Moves the brokers' time on, by "25h" or so: everything that was due on the way has happened. */
  public void advance(String by) {
    control("advance", Map.of("ms", by));
  }
}
