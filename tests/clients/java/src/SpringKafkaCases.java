import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.kafka.core.ConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.util.backoff.FixedBackOff;

/** Spring for Apache Kafka, without Spring Boot: https://docs.spring.io/spring-kafka/reference */
final class SpringKafkaCases {
    public static void main(String[] wanted) {
        new Cases()
            .add("10,000 keyed records reach a group once, in order per partition", SpringKafkaCases::keyed)
            .add("a third member takes its part of the partitions", SpringKafkaCases::rebalance)
            .add("a restarted group resumes at its committed offset", SpringKafkaCases::resume)
            .add("an annotated method gets records, and its answer is sent on", SpringKafkaCases::annotated)
            .add("what a listener refuses is tried again, then lies with the dead letters", SpringKafkaCases::deadLetters)
            .add("10,000 records are there once, in order, though answers are lost", SpringKafkaCases::answersLost)
            .add("a group gets 10,000 records while leaders and its coordinator change", SpringKafkaCases::leadersMoved)
            .run(wanted);
    }

    /** One thread of the container for each consumer; listeners are called by several at once. */
    static ConcurrentMessageListenerContainer<String, String> container(
        String topic, String group, int concurrency, MessageListener<String, String> listener
    ) {
        ContainerProperties properties = new ContainerProperties(topic);
        properties.setGroupId(group);
        properties.setMessageListener(listener);
        var container = new ConcurrentMessageListenerContainer<>(consumers(), properties);
        container.setConcurrency(concurrency);
        return container;
    }

    static ConsumerFactory<String, String> consumers() {
        return new DefaultKafkaConsumerFactory<>(
            Map.of("bootstrap.servers", Cases.BROKERS, "auto.offset.reset", "earliest", "heartbeat.interval.ms", 300, "max.poll.records", 200),
            new StringDeserializer(), new StringDeserializer());
    }

    /** Calls with a template, whose producer is closed afterwards. */
    static void withTemplate(Map<String, Object> change, WithTemplate body) throws Exception {
        Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", Cases.BROKERS));
        config.putAll(change);
        var producers = new DefaultKafkaProducerFactory<>(config, new StringSerializer(), new StringSerializer());
        try {
            body.run(new KafkaTemplate<>(producers));
        } finally {
            producers.destroy();
        }
    }

    interface WithTemplate {
        void run(KafkaTemplate<String, String> template) throws Exception;
    }

    static void send(List<ProducerRecord<String, String>> records, Map<String, Object> config) throws Exception {
        withTemplate(config, template ->
            CompletableFuture.allOf(records.stream().map(template::send).toArray(CompletableFuture[]::new)).get());
    }

    static List<ProducerRecord<String, String>> numbers(String topic, int from, int to) {
        return IntStream.range(from, to).mapToObj(i -> new ProducerRecord<String, String>(topic, String.valueOf(i))).toList();
    }

    static <T> List<T> shared() {
        return Collections.synchronizedList(new ArrayList<>());
    }

    static void keyed() throws Exception {
        String topic = KafkaCases.createTopic("keyed", 6);
        send(KafkaCases.keyedRecords(topic), Map.of());
        List<ConsumerRecord<String, String>> received = shared();
        var container = container(topic, Cases.unique("group"), 3, received::add);
        container.start();
        Cases.until("10,000 records", () -> received.size() >= KafkaCases.COUNT);
        container.stop();
        KafkaCases.checkKeyed(received);
    }

    static void rebalance() throws Exception {
        String topic = KafkaCases.createTopic("shared", 6), group = Cases.unique("group");
        List<ConcurrentMessageListenerContainer<String, String>> members = new ArrayList<>();
        for (int shares : new int[] {6, 3, 2}) {
            var member = container(topic, group, 1, record -> {});
            member.start();
            members.add(member);
            shares(members, shares);
        }
        members.remove(0).stop();
        shares(members, 3);
        members.forEach(ConcurrentMessageListenerContainer::stop);
    }

    static void shares(List<ConcurrentMessageListenerContainer<String, String>> members, int expected) throws Exception {
        Cases.until(expected + " partitions for each of " + members.size(), () -> {
            var assigned = members.stream().map(member -> Set.copyOf(member.getAssignedPartitions())).toList();
            return assigned.stream().allMatch(one -> one.size() == expected)
                && assigned.stream().flatMap(Set<TopicPartition>::stream).distinct().count() == 6;
        });
    }

    /** A container commits what its listener has taken, by itself. */
    static void resume() throws Exception {
        String topic = KafkaCases.createTopic("resume", 1), group = Cases.unique("group");
        List<String> received = shared();
        for (int part = 0; part < 2; part++) {
            int expected = part * 50 + 50;
            send(numbers(topic, part * 50, expected), Map.of());
            var container = container(topic, group, 1, record -> received.add(record.value()));
            container.start();
            Cases.until(expected + " records", () -> received.size() >= expected);
            container.stop();
        }
        Cases.equal(received, IntStream.range(0, 100).mapToObj(String::valueOf).toList(), "values before and after the restart");
    }

    static void annotated() throws Exception {
        try (var context = new AnnotationConfigApplicationContext(SpringAnnotated.class)) {
            var application = context.getBean(SpringAnnotated.class);
            for (int i = 0; i < 10; i++) application.ask("question " + i);
            Cases.until("ten answers", () -> application.received.size() >= 10);
            Cases.equal(application.received, IntStream.range(0, 10).mapToObj(i -> "key: question " + i + "!").toList(), "answers");
        }
    }

    static void deadLetters() throws Exception {
        String topic = KafkaCases.createTopic("refused", 2), group = Cases.unique("group");
        List<ConsumerRecord<String, String>> dead = shared();
        List<String> calls = shared();
        withTemplate(Map.of(), template -> {
            var container = container(topic, group, 1, record -> {
                calls.add(record.value());
                if (record.value().equals("3")) throw new IllegalArgumentException("no threes");
            });
            container.setCommonErrorHandler(new DefaultErrorHandler(
                new DeadLetterPublishingRecoverer(template, (record, error) -> new TopicPartition(topic + "-dlt", 0)),
                new FixedBackOff(10, 2)));
            var deadLetters = container(topic + "-dlt", group + "-dlt", 1, dead::add);
            numbers(topic, 0, 6).forEach(record -> template.send(topic, 1, "key", record.value()));
            template.flush();
            container.start();
            Cases.until("a dead letter in its topic", () -> calls.contains("5"));
            deadLetters.start();
            Cases.until("the dead letter", () -> !dead.isEmpty());
            deadLetters.stop();
            container.stop();
        });
        Cases.equal(calls, List.of("0", "1", "2", "3", "3", "3", "4", "5"), "calls of the listener");
        Cases.equal(dead.size(), 1, "dead letters");
        Cases.equal(dead.get(0).value(), "3", "value of the dead letter");
        Cases.equal(header(dead.get(0), KafkaHeaders.DLT_ORIGINAL_TOPIC), topic, "the topic it came from");
    }

    static String header(ConsumerRecord<?, ?> record, String name) {
        return new String(record.headers().lastHeader(name).value());
    }

    /** Small batches, so that faults find many answers to lose; producers are idempotent by default. */
    static final Map<String, Object> SMALL_BATCHES = Map.of("acks", "all", "batch.size", 2048);

    static void answersLost() throws Exception {
        String topic = KafkaCases.createTopic("answers-lost", 6);
        List<ConsumerRecord<String, String>> received = shared();
        var container = container(topic, Cases.unique("group"), 2, received::add);
        container.start();
        send(KafkaCases.keyedRecords(topic), SMALL_BATCHES);
        Cases.until("10,000 records", () -> received.size() >= KafkaCases.COUNT);
        container.stop();
        KafkaCases.checkKeyed(received);
    }

    /** The container commits after each poll, that is after 200 records. */
    static void leadersMoved() throws Exception {
        String topic = KafkaCases.createTopic("leaders-moved", 6);
        List<ConsumerRecord<String, String>> received = shared();
        var container = container(topic, Cases.unique("leaders-moved"), 1, received::add);
        container.start();
        send(KafkaCases.keyedRecords(topic), SMALL_BATCHES);
        Cases.until("10,000 records", () -> received.size() >= KafkaCases.COUNT);
        container.stop();
        KafkaCases.checkKeyed(received);
    }
}
