package havoq;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.serialization.StringSerializer;
import org.eclipse.paho.mqttv5.client.MqttClient;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttMessage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** What is set through the Java client is what real clients see. */
@ExtendWith(HavoqExtension.class)
class HavoqTest {
  static KafkaProducer<String, String> producer(Havoq havoq) {
    return new KafkaProducer<>(
        Map.of("bootstrap.servers", havoq.kafkaBrokers(), "client.id", "shop", "enable.idempotence", false),
        new StringSerializer(), new StringSerializer());
  }

  /** One after the other, all to one partition: which one a client chooses is not drawn from the seed. */
  static void produce(Havoq havoq, String topic, List<String> values) throws Exception {
    try (KafkaProducer<String, String> producer = producer(havoq)) {
      for (String value : values) producer.send(new ProducerRecord<>(topic, 0, null, value)).get();
    }
  }

  static List<String> stored(Havoq havoq) {
    return havoq.messages(Map.of("protocol", "kafka")).stream().map(message -> message.get("payload").asText()).toList();
  }

  private static List<String> numbers(int count) {
    return IntStream.range(0, count).mapToObj(String::valueOf).toList();
  }

  @Test
  void kafkaClientsSeeAFaultSetThroughTheExtension(Havoq havoq) throws Exception {
    Rule rule = havoq.rule().name("no entry").match("operation", "Produce").match("topic", "orders").match("client", "shop")
        .when("nth", 2).fault("error", Map.of("code", "INVALID_RECORD")).add();
    try (KafkaProducer<String, String> producer = producer(havoq)) {
      producer.send(new ProducerRecord<>("orders", 0, null, "a")).get();
      var refused = assertThrows(ExecutionException.class, () -> producer.send(new ProducerRecord<>("orders", 0, null, "b")).get());
      assertInstanceOf(InvalidRecordException.class, refused.getCause());
      producer.send(new ProducerRecord<>("orders", 0, null, "c")).get();
    }
    assertEquals(List.of("a", "c"), stored(havoq));
    assertEquals("no entry", rule.id());
    assertEquals(1, rule.fired());
    assertEquals(List.of("no entry/request"), havoq.journal().stream().map(entry -> entry.get("rule").asText()).toList());

    rule.remove();
    assertEquals(1, rule.fired());
    assertFalse(rule.isEnabled());
    assertEquals(0, havoq.request("GET", "/api/rules", null).size());
  }

  @Test
  void pahoSeesAFaultAndTheHealAfterIt(Havoq havoq) throws Exception {
    MqttClient client = new MqttClient(havoq.mqttUrl(), "gauge", new MemoryPersistence());
    client.connect();
    try (Rule rule = havoq.rule(Map.of("match", Map.of("protocol", "mqtt", "topic", "sensors/#"), "fault", "drop"))) {
      MqttMessage lost = new MqttMessage("lost".getBytes());
      lost.setQos(1);
      lost.setRetained(true);
      client.publish("sensors/1", lost);
      rule.awaitFired(1, "5s");
    }
    MqttMessage kept = new MqttMessage("kept".getBytes());
    kept.setQos(1);
    kept.setRetained(true);
    client.publish("sensors/1", kept);
    assertEquals("kept", havoq.messages(Map.of("protocol", "mqtt")).get(0).get("payload").asText());
    client.disconnect();
    havoq.await(Map.of("connections", Map.of("client", "gauge"), "count", 0, "timeout", "5s"));
    client.close();
  }

  private static List<String> fate(long seed) throws Exception {
    try (Havoq havoq = Havoq.options().seed(seed).start()) {
      assertEquals(seed, havoq.seed());
      havoq.rule().match("topic", "orders").when("probability", 0.5).fault("drop").add();
      produce(havoq, "orders", numbers(40));
      return stored(havoq);
    }
  }

  @Test
  void theSameSeedLosesTheSameMessages() throws Exception {
    List<String> first = fate(7);
    assertTrue(!first.isEmpty() && first.size() < 40);
    assertEquals(first, fate(7));
    assertFalse(first.equals(fate(8)));
  }

  @Test
  void aJournalIsReplayed(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("run.jsonl");
    List<String> first;
    try (Havoq havoq = Havoq.start()) {
      havoq.rule().match("topic", "orders").when("every", 3).fault("drop").add();
      produce(havoq, "orders", numbers(10));
      first = stored(havoq);
      Files.write(file, havoq.journalFile());
    }
    assertEquals(7, first.size());
    try (Havoq havoq = Havoq.options().args("--replay", file.toString()).start()) {
      // What a test put in force is in force when it does so again; the journal decides, and nothing is drawn.
      havoq.rule().match("topic", "orders").when("every", 3).fault("drop").add();
      produce(havoq, "orders", numbers(10));
      assertEquals(first, stored(havoq));
    }
  }

  @Test
  void brokersDieAndReturn() throws Exception {
    try (Havoq havoq = Havoq.options().brokers(2).config(Map.of("kafka", Map.of("default_partitions", 3))).start()) {
      assertEquals(2, havoq.kafkaBrokers().split(",").length);
      produce(havoq, "orders", List.of("a"));
      assertEquals(3, havoq.request("GET", "/api/kafka/topics/orders", null).get("partitions").size());
      havoq.killBroker(2);
      assertFalse(havoq.request("GET", "/api/kafka/brokers", null).get(1).get("up").asBoolean());
      havoq.restartBroker(2);
      produce(havoq, "orders", List.of("b"));
      assertEquals(List.of("a", "b"), stored(havoq));
    }
  }

  @Test
  void aSnapshotPutsEverythingBackAndTimeMovesOn(Havoq havoq) {
    havoq.publish(Map.of("protocol", "kafka", "topic", "orders", "payload", Map.of("id", 1)));
    byte[] before = havoq.snapshot();
    havoq.publish(Map.of("protocol", "kafka", "topic", "orders", "payload", Map.of("id", 2)));
    havoq.restore(before);
    assertEquals(List.of("{\"id\":1}"), stored(havoq));

    long now = havoq.request("GET", "/api/clock", null).get("now").asLong();
    havoq.advance("1h");
    assertTrue(havoq.request("GET", "/api/clock", null).get("now").asLong() - now >= 3_600_000);
  }

  @Test
  void theOracleTellsWhatAScenarioLost(Havoq havoq, @TempDir Path folder) throws Exception {
    havoq.keepAccount();
    Scenario scenario = havoq.scenario(Map.of(
        "name", "a bad day",
        "steps", List.of(
            Map.of("apply", Map.of("name", "gone", "match", Map.of("topic", "orders"), "when", Map.of("times", 1), "fault", "drop")),
            Map.of("await", Map.of("rule", "gone", "fired", 1)))));
    assertEquals("running", scenario.status());
    produce(havoq, "orders", List.of("a", "b"));
    assertEquals("done", scenario.result().get("steps").get(1).get("status").asText());
    assertEquals("loss", havoq.oracle().get("findings").get(0).get("kind").asText());

    Path file = Files.writeString(folder.resolve("flaky.yaml"), "chaos:\n  - name: from a file\n    match: { topic: orders }\n    fault: drop\n");
    havoq.chaos(file);
    assertEquals(1, havoq.clear());
  }

  @Test
  void whatIsWrongIsToldWithItsPlace(Havoq havoq) {
    var wrong = assertThrows(HavoqException.class, () -> havoq.rule().match("topik", "orders").fault("drop").add());
    assertEquals(400, wrong.status());
    assertEquals("topic", wrong.didYouMean());
    assertTrue(wrong.path().contains("match"), wrong.path().toString());
    var late = assertThrows(HavoqException.class, () -> havoq.await(Map.of("topic", "orders", "messages", 1, "timeout", 10)));
    assertEquals(504, late.status());
    var unknown = assertThrows(HavoqException.class, () -> Havoq.options().config(Map.of("kafak", Map.of())).start());
    assertTrue(unknown.getMessage().contains("did you mean kafka"), unknown.getMessage());
    var absent = assertThrows(HavoqException.class, () -> Havoq.options().binary(Path.of("nowhere/havoq")).start());
    assertTrue(absent.getMessage().contains("nowhere"), absent.getMessage());
  }

  @Test
  void whatRunsAlreadyIsUsedWithItsToken() {
    try (Havoq running = Havoq.options().config(Map.of("admin", Map.of("token", "secret"))).token("secret").start()) {
      running.publish(Map.of("protocol", "kafka", "topic", "orders", "payload", "a"));
      try (Havoq stranger = Havoq.connect(running.adminUrl(), null)) {
        assertEquals(401, assertThrows(HavoqException.class, stranger::clear).status());
      }
      try (Havoq other = Havoq.connect(running.adminUrl(), "secret")) {
        assertEquals(running.kafkaBrokers(), other.kafkaBrokers());
        assertEquals(running.amqpUrl(), other.amqpUrl());
        assertEquals(running.seed(), other.seed());
        other.rule().match("topic", "orders").fault("drop").add();
      }
      // It goes on.
      assertEquals(1, running.clear());
    }
  }

  @Test
  void everyMethodOfTheControlSurfaceHasItsName(Havoq havoq) {
    Set<String> methods = new TreeSet<>();
    havoq.request("GET", "/api/openapi.json", null).get("paths").fieldNames().forEachRemaining(path -> {
      if (path.startsWith("/api/control/")) methods.add(path.substring("/api/control/".length()));
    });
    assertTrue(methods.size() > 15);
    methods.removeAll(Arrays.stream(Control.class.getMethods()).map(method -> method.getName()).collect(Collectors.toSet()));
    assertEquals(Set.of(), methods);
  }

  @Test
  void nothingIsLeftBehind() {
    Havoq havoq = Havoq.start();
    ProcessHandle process = ProcessHandle.of(havoq.status().get("pid").asLong()).orElseThrow();
    havoq.close();
    havoq.close();
    assertFalse(process.isAlive());
    assertEquals(0, assertThrows(HavoqException.class, havoq::status).status());
  }
}
