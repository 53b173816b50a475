import com.rabbitmq.client.AMQP;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import com.rabbitmq.client.ConnectionFactory;
import com.rabbitmq.client.GetResponse;
import com.rabbitmq.client.LongString;
import com.rabbitmq.client.MessageProperties;
import com.rabbitmq.client.ShutdownSignalException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** RabbitMQ's own Java client. */
final class RabbitCases {
    static final int COUNT = 10_000;

    public static void main(String[] wanted) {
        new Cases()
            .add("10,000 confirmed messages are consumed in order, with prefetch and acks", RabbitCases::tenThousand)
            .add("no more unacked messages than the prefetch count", RabbitCases::prefetch)
            .add("a direct exchange routes by key", RabbitCases::direct)
            .add("a fanout exchange copies to all", RabbitCases::fanout)
            .add("a topic exchange matches patterns", RabbitCases::topic)
            .add("a headers exchange matches all or any", RabbitCases::headers)
            .add("an exchange bound to an exchange passes messages on", RabbitCases::exchangeToExchange)
            .add("a mandatory message without a route is returned", RabbitCases::returned)
            .add("a nacked message comes back as redelivered", RabbitCases::nack)
            .add("unacked messages return when the connection drops", RabbitCases::drop)
            .add("an exclusive queue is closed to other connections and goes with its own", RabbitCases::exclusive)
            .add("an auto-delete queue goes with its last consumer", RabbitCases::autoDelete)
            .add("a missing queue is 404 and costs only the channel", RabbitCases::missing)
            .add("declaring a queue or exchange otherwise is 406", RabbitCases::otherwise)
            .add("acknowledging an unknown delivery tag is 406", RabbitCases::unknownTag)
            .add("properties and large bodies arrive as sent", RabbitCases::contents)
            .run(wanted);
    }

    static ConnectionFactory factory() throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(Cases.AMQP_URL);
        factory.setAutomaticRecoveryEnabled(false);
        return factory;
    }

    static Connection connect() throws Exception {
        return factory().newConnection();
    }

    static String exclusiveQueue(Channel channel) throws Exception {
        return channel.queueDeclare().getQueue();
    }

    static void publish(Channel channel, String queue, String... bodies) throws Exception {
        for (String body : bodies) channel.basicPublish("", queue, null, body.getBytes());
    }

    /** Empties the queue; a redelivered body has an exclamation mark. */
    static List<String> take(Channel channel, String queue) throws Exception {
        List<String> taken = new ArrayList<>();
        for (GetResponse got; (got = channel.basicGet(queue, true)) != null; ) {
            taken.add(new String(got.getBody()) + (got.getEnvelope().isRedeliver() ? "!" : ""));
        }
        return taken;
    }

    /** The reply code with which the broker closes the channel. */
    static int closeCode(Cases.Body body) throws Exception {
        ShutdownSignalException closed = Cases.thrown(ShutdownSignalException.class, body);
        return ((AMQP.Channel.Close) closed.getReason()).getReplyCode();
    }

    static void tenThousand() throws Exception {
        try (Connection producing = connect(); Connection consuming = connect()) {
            Channel publisher = producing.createChannel(), consumer = consuming.createChannel();
            String queue = publisher.queueDeclare(Cases.unique("many"), true, false, false, null).getQueue();
            publisher.confirmSelect();
            for (int i = 0; i < COUNT; i++) {
                publisher.basicPublish("", queue, true, MessageProperties.PERSISTENT_BASIC, ("message " + i).getBytes());
            }
            publisher.waitForConfirmsOrDie(20_000);

            BlockingQueue<String> bodies = new LinkedBlockingQueue<>();
            consumer.basicQos(100);
            consumer.basicConsume(queue, false, (tag, delivery) -> {
                bodies.add(new String(delivery.getBody()));
                consumer.basicAck(delivery.getEnvelope().getDeliveryTag(), false);
            }, tag -> {});
            List<String> received = new ArrayList<>();
            while (received.size() < COUNT) {
                String body = bodies.poll(10, TimeUnit.SECONDS);
                if (body == null) break;
                received.add(body);
            }
            Cases.equal(received, IntStream.range(0, COUNT).mapToObj(i -> "message " + i).toList(), "bodies");
            consumer.close(); // gives back what is not acknowledged
            Cases.equal(publisher.queueDelete(queue).getMessageCount(), 0, "messages left");
        }
    }

    static void prefetch() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String queue = exclusiveQueue(channel);
            publish(channel, queue, "1", "2", "3", "4", "5");
            channel.basicQos(3);
            BlockingQueue<String> bodies = new LinkedBlockingQueue<>();
            channel.basicConsume(queue, false, (tag, delivery) -> bodies.add(new String(delivery.getBody())), tag -> {});
            Cases.until("3 deliveries", () -> bodies.size() >= 3);
            Thread.sleep(300); // for one too many
            Cases.equal(List.copyOf(bodies), List.of("1", "2", "3"), "deliveries before an ack");
            channel.basicAck(2, true);
            Cases.until("5 deliveries", () -> bodies.size() >= 5);
            Cases.equal(List.copyOf(bodies), List.of("1", "2", "3", "4", "5"), "deliveries after two acks");
        }
    }

    record Binding(String key, Map<String, Object> arguments, String... expected) {}

    record Message(String body, String key, Map<String, Object> headers) {
        Message(String body, String key) {
            this(body, key, null);
        }
    }

    /** Binds one queue per binding and checks which bodies each gets. */
    static void routing(String kind, List<Binding> bindings, List<Message> messages) throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String exchange = Cases.unique(kind);
            channel.exchangeDeclare(exchange, kind, false, true, null);
            List<String> queues = new ArrayList<>();
            for (Binding binding : bindings) {
                queues.add(exclusiveQueue(channel));
                channel.queueBind(queues.get(queues.size() - 1), exchange, binding.key, binding.arguments);
            }
            channel.confirmSelect();
            for (Message message : messages) {
                var properties = new AMQP.BasicProperties.Builder().headers(message.headers).build();
                channel.basicPublish(exchange, message.key, properties, message.body.getBytes());
            }
            channel.waitForConfirmsOrDie(10_000);
            for (int i = 0; i < bindings.size(); i++) {
                Binding binding = bindings.get(i);
                Cases.equal(take(channel, queues.get(i)), List.of(binding.expected), "bodies for " + binding.key + binding.arguments);
            }
        }
    }

    static void direct() throws Exception {
        routing("direct",
            List.of(new Binding("red", null, "1", "3"), new Binding("blue", null, "2")),
            List.of(new Message("1", "red"), new Message("2", "blue"), new Message("3", "red"), new Message("4", "green")));
    }

    static void fanout() throws Exception {
        routing("fanout",
            List.of(new Binding("", null, "1", "2"), new Binding("ignored", null, "1", "2")),
            List.of(new Message("1", ""), new Message("2", "any")));
    }

    static void topic() throws Exception {
        routing("topic",
            List.of(
                new Binding("*.orange.*", null, "1"),
                new Binding("lazy.#", null, "2", "3"),
                new Binding("#", null, "1", "2", "3", "4"),
                new Binding("*", null, "3"),
                new Binding("#.rabbit", null, "1", "4")),
            List.of(
                new Message("1", "quick.orange.rabbit"),
                new Message("2", "lazy.brown.fox.there"),
                new Message("3", "lazy"),
                new Message("4", "a.b.rabbit")));
    }

    static void headers() throws Exception {
        routing("headers",
            List.of(
                new Binding("", Map.of("x-match", "all", "colour", "red", "size", 1), "1"),
                new Binding("", Map.of("x-match", "any", "colour", "red", "size", 1), "1", "2")),
            List.of(
                new Message("1", "", Map.of("colour", "red", "size", 1, "more", true)),
                new Message("2", "", Map.of("colour", "red", "size", 2)),
                new Message("3", "", Map.of("colour", "blue"))));
    }

    static void exchangeToExchange() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String source = Cases.unique("source"), destination = Cases.unique("destination"), queue = exclusiveQueue(channel);
            channel.exchangeDeclare(source, "topic", false, true, null);
            channel.exchangeDeclare(destination, "fanout", false, true, null);
            channel.exchangeBind(destination, source, "a.*");
            channel.queueBind(queue, destination, "");
            channel.confirmSelect();
            for (String key : List.of("a.b", "b.a")) channel.basicPublish(source, key, null, key.getBytes());
            channel.waitForConfirmsOrDie(10_000);
            Cases.equal(take(channel, queue), List.of("a.b"), "bodies");
        }
    }

    static void returned() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            BlockingQueue<String> returns = new LinkedBlockingQueue<>();
            channel.addReturnListener(back -> returns.add(back.getReplyCode() + " " + back.getReplyText() + " " + new String(back.getBody())));
            channel.confirmSelect();
            channel.basicPublish("", Cases.unique("nowhere"), true, null, "lost".getBytes());
            Cases.equal(channel.waitForConfirms(10_000), true, "confirmed");
            Cases.equal(returns.poll(), "312 NO_ROUTE lost", "returned before the confirmation");
        }
    }

    static void nack() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String queue = exclusiveQueue(channel);
            publish(channel, queue, "1", "2", "3");
            for (int i = 0; i < 3; i++) channel.basicGet(queue, false);
            channel.basicNack(1, false, true);
            channel.basicReject(2, false);
            channel.basicReject(3, true);
            Cases.equal(take(channel, queue), List.of("1!", "3!"), "messages after nack and reject");
        }
    }

    static void drop() throws Exception {
        Socket[] socket = new Socket[1];
        ConnectionFactory factory = factory();
        factory.setSocketConfigurator(opened -> socket[0] = opened);
        Connection victim = factory.newConnection();
        try (Connection survivor = connect()) {
            Channel channel = survivor.createChannel();
            String queue = channel.queueDeclare(Cases.unique("drop"), false, false, false, null).getQueue();
            publish(channel, queue, "1", "2", "3");
            Cases.until("three messages", () -> channel.messageCount(queue) == 3);
            Channel holding = victim.createChannel();
            for (int i = 0; i < 2; i++) holding.basicGet(queue, false);
            socket[0].close();
            Cases.until("the messages to return", () -> channel.messageCount(queue) == 3);
            Cases.equal(take(channel, queue), List.of("1!", "2!", "3"), "messages after the drop");
            channel.queueDelete(queue);
        }
    }

    static void exclusive() throws Exception {
        try (Connection other = connect()) {
            Connection owner = connect();
            String queue = exclusiveQueue(owner.createChannel());
            Cases.equal(closeCode(() -> other.createChannel().queueDeclarePassive(queue)), 405, "reply code");
            owner.close();
            Cases.equal(closeCode(() -> other.createChannel().queueDeclarePassive(queue)), 404, "reply code when the owner is gone");
        }
    }

    static void autoDelete() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String queue = channel.queueDeclare(Cases.unique("auto-delete"), false, false, true, null).getQueue();
            String one = channel.basicConsume(queue, (tag, delivery) -> {}, tag -> {});
            String two = channel.basicConsume(queue, (tag, delivery) -> {}, tag -> {});
            channel.basicCancel(one);
            Cases.equal(channel.queueDeclarePassive(queue).getConsumerCount(), 1, "consumers");
            channel.basicCancel(two);
            Cases.equal(closeCode(() -> channel.queueDeclarePassive(queue)), 404, "reply code");
        }
    }

    static void missing() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            Cases.equal(closeCode(() -> channel.queueDeclarePassive(Cases.unique("missing"))), 404, "reply code");
            Cases.equal(channel.isOpen(), false, "channel open");
            Cases.equal(connection.isOpen(), true, "connection open");
            exclusiveQueue(connection.createChannel());
        }
    }

    static void otherwise() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String name = Cases.unique("otherwise");
            channel.queueDeclare(name, false, true, false, null);
            channel.exchangeDeclare(name, "direct");
            Cases.equal(closeCode(() -> connection.createChannel().queueDeclare(name, false, true, false, Map.of("x-message-ttl", 1000))), 406, "reply code for the queue");
            Cases.equal(closeCode(() -> connection.createChannel().exchangeDeclare(name, "fanout")), 406, "reply code for the exchange");
            channel.exchangeDelete(name);
        }
    }

    static void unknownTag() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            channel.basicAck(7, false);
            Cases.until("the channel to be closed", () -> !channel.isOpen());
            Cases.equal(((AMQP.Channel.Close) channel.getCloseReason().getReason()).getReplyCode(), 406, "reply code");
        }
    }

    static void contents() throws Exception {
        try (Connection connection = connect()) {
            Channel channel = connection.createChannel();
            String queue = exclusiveQueue(channel);
            Date time = new Date(1_700_000_000_000L);
            byte[] large = new byte[1 << 20]; // several frames
            for (int i = 0; i < large.length; i++) large[i] = (byte) i;
            Map<String, Object> headers = new TreeMap<>(Map.of(
                "text", "ü", "int", -5, "long", 1L << 40, "double", 1.5, "float", 0.5f, "yes", true, "time", time,
                "bytes", new byte[] {0, -1}, "list", List.of(1, "two"), "table", Map.of("nested", Map.of("deep", "down"))));
            var sent = new AMQP.BasicProperties("application/json", "utf-8", headers, 2, 7, "correlation", "reply", "60000", "id", time, "kind", null, "app", null);
            for (byte[] body : List.of(large, new byte[0])) {
                channel.basicPublish("", queue, sent, body);
                GetResponse got = channel.basicGet(queue, true);
                Cases.equal(got.getBody(), body, "body of " + body.length + " bytes");
                AMQP.BasicProperties received = got.getProps();
                Cases.equal(plain(received.getHeaders()), plain(headers), "headers");
                Cases.equal(received.builder().headers(null).build().toString(), sent.builder().headers(null).build().toString(), "properties");
            }
        }
    }

    /** Text for comparing: long strings and byte arrays have no equality of their own. */
    private static String plain(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<String, String> sorted = new TreeMap<>();
            map.forEach((key, item) -> sorted.put(key.toString(), plain(item)));
            return sorted.toString();
        }
        if (value instanceof List<?> list) return list.stream().map(RabbitCases::plain).toList().toString();
        if (value instanceof byte[] bytes) return "bytes" + IntStream.range(0, bytes.length).mapToObj(i -> bytes[i]).toList();
        if (value instanceof LongString || value instanceof String) return "\"" + value + "\"";
        return value.getClass().getSimpleName() + " " + value;
    }
}
