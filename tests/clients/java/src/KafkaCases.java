import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Apache's own client; its producer is idempotent by default. */
final class KafkaCases {
    static final int COUNT = 10_000;

    public static void main(String[] wanted) {
        Cases cases = new Cases()
            .add("10,000 keyed records reach a group once, in order per partition", KafkaCases::keyed)
            .add("a third member takes its part of the partitions", KafkaCases::rebalance);
        for (String codec : List.of("gzip", "snappy", "lz4", "zstd")) cases.add(codec + " round trip", () -> roundTrip(codec));
        cases
            .add("a restarted group resumes at its committed offset", KafkaCases::resume)
            .add("offsets are found by timestamp", KafkaCases::timestamps)
            .add("headers, nulls and timestamps arrive as sent", KafkaCases::contents)
            .add("a topic is created once, and a deleted topic is gone", KafkaCases::deleted)
            .add("an unknown topic is an error", KafkaCases::unknown)
            .run(wanted);
    }

    static Admin admin() {
        return Admin.create(Map.of("bootstrap.servers", Cases.BROKERS));
    }

    static String createTopic(String name, int partitions) throws Exception {
        String topic = Cases.unique(name);
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1))).all().get();
            // Asks the leaders, and again until they lead. Kafka names them a moment before; of batches sent in
            // that moment it may refuse the first and take the second, and from then on the first is out of order.
            admin.listOffsets(IntStream.range(0, partitions).boxed()
                .collect(Collectors.toMap(i -> new TopicPartition(topic, i), i -> OffsetSpec.earliest()))).all().get();
        }
        return topic;
    }

    static KafkaProducer<String, String> producer(Map<String, Object> change) {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", Cases.BROKERS));
        config.putAll(change);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(Map<String, Object> change) {
        Map<String, Object> config = new HashMap<>(Map.of(
            "bootstrap.servers", Cases.BROKERS,
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "allow.auto.create.topics", false));
        config.putAll(change);
        return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
    }

    static KafkaConsumer<String, String> member(String topic, String group) {
        var member = consumer(Map.of("group.id", group, "heartbeat.interval.ms", 300));
        member.subscribe(List.of(topic));
        return member;
    }

    static void send(List<ProducerRecord<String, String>> records, Map<String, Object> config) throws Exception {
        try (var producer = producer(config)) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (var record : records) sent.add(producer.send(record));
            for (var future : sent) future.get();
        }
    }

    /** So many records, and what follows within a moment. */
    static List<ConsumerRecord<String, String>> receive(KafkaConsumer<String, String> consumer, int count) throws Exception {
        List<ConsumerRecord<String, String>> received = new ArrayList<>();
        Cases.until(count + " records", () -> {
            consumer.poll(Duration.ofMillis(200)).forEach(received::add);
            return received.size() >= count;
        });
        consumer.poll(Duration.ofMillis(200)).forEach(received::add);
        return received;
    }

    static List<String> values(List<ConsumerRecord<String, String>> records) {
        return records.stream().map(ConsumerRecord::value).toList();
    }

    static void keyed() throws Exception {
        String topic = createTopic("keyed", 6);
        send(keyedRecords(topic), Map.of());
        try (var member = member(topic, Cases.unique("group"))) {
            checkKeyed(receive(member, COUNT));
        }
    }

    static List<ProducerRecord<String, String>> keyedRecords(String topic) {
        return IntStream.range(0, COUNT).mapToObj(i -> new ProducerRecord<>(topic, "key-" + i % 97, "value-" + i)).toList();
    }

    /** That all 10,000 arrived once, and each partition in the order of sending without a gap. */
    static void checkKeyed(List<ConsumerRecord<String, String>> received) {
        Cases.equal(received.size(), COUNT, "records");
        Set<Integer> seen = new HashSet<>();
        Map<Integer, Long> offsets = new HashMap<>();
        Map<Integer, Integer> last = new HashMap<>();
        for (var record : received) {
            int number = Integer.parseInt(record.value().substring("value-".length()));
            Cases.equal(record.key(), "key-" + number % 97, "key of " + record.value());
            Cases.equal(seen.add(number), true, record.value() + " is new");
            Cases.equal(record.offset(), offsets.merge(record.partition(), 1L, Long::sum) - 1, "offset in partition " + record.partition());
            Integer previous = last.put(record.partition(), number);
            Cases.equal(previous == null || previous < number, true, "order of " + previous + " and " + number);
        }
        Cases.equal(last.size() > 1, true, "more than one partition has records");
    }

    static void rebalance() throws Exception {
        String topic = createTopic("shared", 6), group = Cases.unique("group");
        List<KafkaConsumer<String, String>> members = new ArrayList<>();
        members.add(member(topic, group));
        members.add(member(topic, group));
        shares(members, 3);
        members.add(member(topic, group));
        shares(members, 2);
        members.remove(0).close();
        shares(members, 3);
        for (var member : members) member.close();
    }

    /** Polls the members in turn until each has so many partitions. */
    static void shares(List<KafkaConsumer<String, String>> members, int expected) throws Exception {
        Cases.until(expected + " partitions for each of " + members.size(), () -> {
            for (var member : members) member.poll(Duration.ofMillis(50));
            Set<TopicPartition> all = new HashSet<>();
            for (var member : members) all.addAll(member.assignment());
            return all.size() == 6 && members.stream().allMatch(member -> member.assignment().size() == expected);
        });
    }

    static void roundTrip(String codec) throws Exception {
        String topic = createTopic(codec, 1);
        List<String> sent = IntStream.range(0, 500).mapToObj(i -> (codec + " " + i + " ").repeat(50)).toList();
        send(sent.stream().map(value -> new ProducerRecord<String, String>(topic, value)).toList(), Map.of("compression.type", codec));
        try (var member = member(topic, Cases.unique("group"))) {
            Cases.equal(values(receive(member, sent.size())), sent, "values");
        }
    }

    static void resume() throws Exception {
        String topic = createTopic("resume", 1), group = Cases.unique("group");
        TopicPartition partition = new TopicPartition(topic, 0);
        List<String> sent = IntStream.range(0, 100).mapToObj(String::valueOf).toList();
        send(sent.stream().map(value -> new ProducerRecord<String, String>(topic, value)).toList(), Map.of());
        try (var first = member(topic, group)) {
            receive(first, 100);
            first.commitSync(Map.of(partition, new OffsetAndMetadata(60, "sixty")));
        }
        try (var second = member(topic, group)) {
            Cases.equal(values(receive(second, 40)), sent.subList(60, 100), "values after the restart");
            OffsetAndMetadata committed = second.committed(Set.of(partition)).get(partition);
            Cases.equal(committed.offset(), 60L, "committed offset");
            Cases.equal(committed.metadata(), "sixty", "its metadata");
        }
    }

    static void timestamps() throws Exception {
        String topic = createTopic("timestamps", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        long start = System.currentTimeMillis() - 60_000;
        send(IntStream.range(0, 10).mapToObj(i -> new ProducerRecord<>(topic, 0, start + i * 1000L, "key", "x")).toList(), Map.of());
        try (var consumer = consumer(Map.of())) {
            var found = consumer.offsetsForTimes(Map.of(partition, start + 2500)).get(partition);
            Cases.equal(found.offset(), 3L, "first record at or after the time");
            Cases.equal(found.timestamp(), start + 3000, "its timestamp");
            Cases.equal(consumer.offsetsForTimes(Map.of(partition, start + 60_000)).get(partition), null, "after the last record");
            Cases.equal(consumer.beginningOffsets(Set.of(partition)).get(partition), 0L, "beginning");
            Cases.equal(consumer.endOffsets(Set.of(partition)).get(partition), 10L, "end");
        }
    }

    static void contents() throws Exception {
        String topic = createTopic("contents", 1);
        long now = System.currentTimeMillis();
        ProducerRecord<String, String> full = new ProducerRecord<>(topic, 0, now + 1, (String) null, "");
        full.headers().add("a", "1".getBytes(StandardCharsets.UTF_8)).add("a", "2".getBytes(StandardCharsets.UTF_8)).add("null", null);
        ProducerRecord<String, String> tombstone = new ProducerRecord<>(topic, 0, now, "tombstone", (String) null);
        send(List.of(tombstone, full), Map.of());
        try (var consumer = consumer(Map.of())) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            var received = receive(consumer, 2);
            Cases.equal(received.get(0).key(), "tombstone", "key");
            Cases.equal(received.get(0).value(), null, "null value");
            Cases.equal(received.get(0).timestamp(), now, "timestamp");
            Cases.equal(received.get(1).key(), null, "null key");
            Cases.equal(received.get(1).value(), "", "empty value");
            Cases.equal(received.get(1).timestamp(), now + 1, "timestamp of the second");
            List<String> headers = new ArrayList<>();
            for (Header header : received.get(1).headers()) {
                headers.add(header.key() + "=" + (header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8)));
            }
            Cases.equal(headers, List.of("a=1", "a=2", "null=null"), "headers");
        }
    }

    static void deleted() throws Exception {
        String topic = createTopic("deleted", 2);
        try (Admin admin = admin()) {
            Cases.thrown(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
            Cases.until("the topic to be listed", () -> admin.listTopics().names().get().contains(topic));
            Cases.equal(admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size(), 2, "partitions");
            admin.deleteTopics(List.of(topic)).all().get();
            Cases.until("the topic to be gone", () -> !admin.listTopics().names().get().contains(topic));
        }
    }

    static void unknown() throws Exception {
        String missing = Cases.unique("missing");
        try (Admin admin = admin()) {
            Cases.thrown(UnknownTopicOrPartitionException.class, () -> describe(admin, missing));
            Cases.thrown(UnknownTopicOrPartitionException.class, () -> admin.deleteTopics(List.of(missing)).all().get());
            try (var consumer = consumer(Map.of())) {
                Cases.equal(consumer.partitionsFor(missing, Duration.ofSeconds(10)), List.of(), "partitions");
            }
            Cases.thrown(UnknownTopicOrPartitionException.class, () -> describe(admin, missing)); // not created by asking
        }
    }

    private static void describe(Admin admin, String topic) throws ExecutionException, InterruptedException {
        admin.describeTopics(List.of(topic)).allTopicNames().get();
    }
}
