import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.eclipse.paho.client.mqttv3.IMqttDeliveryToken;
import org.eclipse.paho.client.mqttv3.MqttAsyncClient;
import org.eclipse.paho.client.mqttv3.MqttCallback;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.MqttMessage;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/** Eclipse Paho for MQTT 3.1.1. */
final class PahoV3Cases {
    static final int COUNT = 10_000;
    static final long TIMEOUT = 10_000;

    public static void main(String[] wanted) {
        Cases cases = new Cases();
        for (int qos : new int[] {0, 1, 2}) cases.add("10,000 messages at QoS " + qos + ", in order", () -> tenThousand(qos));
        cases
            .add("a retained message reaches a late subscriber until it is cleared", PahoV3Cases::retained)
            .add("the will is sent when the client vanishes, and only then", PahoV3Cases::will)
            .add("wildcards match as the specification says", PahoV3Cases::wildcards)
            .add("a persistent session keeps messages while offline", PahoV3Cases::offline)
            .run(wanted);
    }

    /** A connected client which keeps what it receives. */
    static final class Client implements MqttCallback {
        final MqttAsyncClient mqtt;
        final boolean sessionPresent;
        private final List<MqttMessage> received = new ArrayList<>();
        private final Semaphore window = new Semaphore(10); // Paho refuses to have more in flight than this

        Client() throws Exception {
            this(Cases.unique("paho-v3"), new MqttConnectOptions());
        }

        Client(String id, MqttConnectOptions options) throws Exception {
            mqtt = new MqttAsyncClient(Cases.MQTT_URL.replace("mqtt://", "tcp://"), id, new MemoryPersistence());
            mqtt.setCallback(this);
            options.setMqttVersion(MqttConnectOptions.MQTT_VERSION_3_1_1);
            var token = mqtt.connect(options);
            token.waitForCompletion(TIMEOUT);
            sessionPresent = token.getSessionPresent();
        }

        @Override public synchronized void messageArrived(String topic, MqttMessage message) {
            received.add(message);
        }

        @Override public void connectionLost(Throwable cause) {}

        @Override public void deliveryComplete(IMqttDeliveryToken token) {
            window.release();
        }

        /** Does not wait for the acknowledgement, but for a place in the window. */
        IMqttDeliveryToken send(String topic, String payload, int qos, boolean retain) throws Exception {
            if (!window.tryAcquire(TIMEOUT, TimeUnit.MILLISECONDS)) throw new AssertionError("no acknowledgement");
            return mqtt.publish(topic, payload.getBytes(), qos, retain);
        }

        void subscribe(String filter, int qos) throws Exception {
            var token = mqtt.subscribe(filter, qos);
            token.waitForCompletion(TIMEOUT);
            Cases.equal(token.getGrantedQos(), new int[] {qos}, "granted QoS");
        }

        void publish(String topic, String payload, boolean retain) throws Exception {
            send(topic, payload, 1, retain).waitForCompletion(TIMEOUT);
        }

        /** Exactly these payloads in this order. */
        List<MqttMessage> expect(List<String> payloads) throws Exception {
            Cases.until(payloads.size() + " messages", () -> {
                synchronized (this) {
                    return received.size() >= payloads.size();
                }
            });
            Thread.sleep(100); // for one too many
            synchronized (this) {
                Cases.equal(received.stream().map(message -> new String(message.getPayload())).toList(), payloads, "payloads");
                List<MqttMessage> messages = List.copyOf(received);
                received.clear();
                return messages;
            }
        }

        void leave() throws Exception {
            mqtt.disconnect().waitForCompletion(TIMEOUT);
        }

        /** Closes the socket without a DISCONNECT. */
        void vanish() throws Exception {
            mqtt.disconnectForcibly(0, 1, false);
        }
    }

    static void tenThousand(int qos) throws Exception {
        String topic = Cases.unique("many");
        Client subscriber = new Client(), publisher = new Client();
        subscriber.subscribe(topic, qos);
        List<String> payloads = IntStream.range(0, COUNT).mapToObj(i -> "message " + i).toList();
        for (String payload : payloads) publisher.send(topic, payload, qos, false);
        for (MqttMessage message : subscriber.expect(payloads)) Cases.equal(message.getQos(), qos, "QoS");
        publisher.leave();
        subscriber.leave();
    }

    static void retained() throws Exception {
        String topic = Cases.unique("retained");
        Client publisher = new Client(), late = new Client(), later = new Client();
        publisher.publish(topic, "first", true);
        publisher.publish(topic, "last", true);
        late.subscribe(topic, 1);
        Cases.equal(late.expect(List.of("last")).get(0).isRetained(), true, "retain flag of the late subscriber's message");
        publisher.publish(topic, "", true);
        Cases.equal(late.expect(List.of("")).get(0).isRetained(), false, "retain flag of a live message");
        later.subscribe(topic, 1);
        later.expect(List.of());
        for (Client client : List.of(publisher, late, later)) client.leave();
    }

    static void will() throws Exception {
        String topic = Cases.unique("will");
        Client watcher = new Client();
        watcher.subscribe(topic, 1);
        var polite = new MqttConnectOptions();
        polite.setWill(topic, "polite".getBytes(), 1, false);
        new Client(Cases.unique("polite"), polite).leave();
        watcher.expect(List.of());
        var vanishing = new MqttConnectOptions();
        vanishing.setWill(topic, "vanished".getBytes(), 1, false);
        new Client(Cases.unique("vanishing"), vanishing).vanish();
        watcher.expect(List.of("vanished"));
        watcher.leave();
    }

    static void wildcards() throws Exception {
        String base = Cases.unique("wild");
        List<String> topics = List.of("", "/a", "/a/b", "/a/b/c", "/x/b");
        Map<String, List<String>> expected = new LinkedHashMap<>();
        expected.put(base + "/#", topics);
        expected.put(base + "/+", List.of("/a"));
        expected.put(base + "/+/b", List.of("/a/b", "/x/b"));
        expected.put(base + "/a/#", List.of("/a", "/a/b", "/a/b/c"));
        expected.put("+/a/b", List.of("/a/b"));
        List<Client> subscribers = new ArrayList<>();
        for (String filter : expected.keySet()) {
            Client subscriber = new Client();
            subscriber.subscribe(filter, 1);
            subscribers.add(subscriber);
        }
        Client publisher = new Client();
        for (String topic : topics) publisher.publish(base + topic, topic, false);
        int next = 0;
        for (List<String> payloads : expected.values()) subscribers.get(next++).expect(payloads);
        for (Client subscriber : subscribers) subscriber.leave();
        publisher.leave();
    }

    static void offline() throws Exception {
        String topic = Cases.unique("offline"), id = Cases.unique("sleeper");
        var persistent = new MqttConnectOptions();
        persistent.setCleanSession(false);
        Client sleeper = new Client(id, persistent);
        Cases.equal(sleeper.sessionPresent, false, "session present at first");
        sleeper.subscribe(topic, 1);
        sleeper.leave();
        Client publisher = new Client();
        List<String> payloads = IntStream.range(0, 100).mapToObj(String::valueOf).toList();
        for (String payload : payloads) publisher.publish(topic, payload, false);
        Client awake = new Client(id, persistent);
        Cases.equal(awake.sessionPresent, true, "session present later");
        awake.expect(payloads);
        awake.leave();
        publisher.leave();
    }
}
