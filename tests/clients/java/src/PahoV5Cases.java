import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.eclipse.paho.mqttv5.client.IMqttToken;
import org.eclipse.paho.mqttv5.client.MqttAsyncClient;
import org.eclipse.paho.mqttv5.client.MqttCallback;
import org.eclipse.paho.mqttv5.client.MqttConnectionOptions;
import org.eclipse.paho.mqttv5.client.MqttDisconnectResponse;
import org.eclipse.paho.mqttv5.client.persist.MemoryPersistence;
import org.eclipse.paho.mqttv5.common.MqttException;
import org.eclipse.paho.mqttv5.common.MqttMessage;
import org.eclipse.paho.mqttv5.common.MqttSubscription;
import org.eclipse.paho.mqttv5.common.packet.MqttProperties;
import org.eclipse.paho.mqttv5.common.packet.UserProperty;

/** Eclipse Paho for MQTT 5. */
final class PahoV5Cases {
    static final int COUNT = 10_000;
    static final long TIMEOUT = 10_000;

    public static void main(String[] wanted) {
        Cases cases = new Cases();
        for (int qos : new int[] {0, 1, 2}) cases.add("10,000 messages at QoS " + qos + ", in order", () -> tenThousand(qos));
        cases
            .add("a retained message reaches a late subscriber until it is cleared", PahoV5Cases::retained)
            .add("the will with its properties is sent when the client vanishes", PahoV5Cases::will)
            .add("properties of a publication arrive", PahoV5Cases::properties)
            .add("a session lives as long as its expiry interval", PahoV5Cases::sessionExpiry)
            .add("a persistent session keeps messages while offline, but for expired ones", PahoV5Cases::offline)
            .add("reason codes of UNSUBACK tell what was there", PahoV5Cases::reasonCodes)
            .add("a subscriber does not hear itself with no local", PahoV5Cases::noLocal)
            .add("a shared subscription gives each message to one member", PahoV5Cases::shared)
            .run(wanted);
    }

    /** A connected client which keeps what it receives. */
    static final class Client implements MqttCallback {
        final MqttAsyncClient mqtt;
        final boolean sessionPresent;
        private final List<MqttMessage> received = new ArrayList<>();
        private final Semaphore window = new Semaphore(10); // Paho refuses to have more in flight than the broker's receive maximum

        Client() throws Exception {
            this(Cases.unique("paho-v5"), new MqttConnectionOptions());
        }

        Client(String id, MqttConnectionOptions options) throws Exception {
            mqtt = new MqttAsyncClient(Cases.MQTT_URL.replace("mqtt://", "tcp://"), id, new MemoryPersistence());
            mqtt.setCallback(this);
            IMqttToken token = mqtt.connect(options);
            token.waitForCompletion(TIMEOUT);
            sessionPresent = token.getSessionPresent();
        }

        @Override public synchronized void messageArrived(String topic, MqttMessage message) {
            received.add(message);
        }

        @Override public void disconnected(MqttDisconnectResponse response) {}

        @Override public void mqttErrorOccurred(MqttException error) {}

        @Override public void deliveryComplete(IMqttToken token) {
            window.release();
        }

        @Override public void connectComplete(boolean reconnect, String server) {}

        @Override public void authPacketArrived(int reason, MqttProperties properties) {}

        void subscribe(String filter, int qos) throws Exception {
            IMqttToken token = mqtt.subscribe(filter, qos);
            token.waitForCompletion(TIMEOUT);
            Cases.equal(token.getReasonCodes(), new int[] {qos}, "SUBACK");
        }

        void publish(String topic, String payload, boolean retain) throws Exception {
            publish(topic, new MqttMessage(payload.getBytes(), 1, retain, null));
        }

        void publish(String topic, MqttMessage message) throws Exception {
            send(topic, message).waitForCompletion(TIMEOUT);
        }

        /** Does not wait for the acknowledgement, but for a place in the window. */
        IMqttToken send(String topic, MqttMessage message) throws Exception {
            if (!window.tryAcquire(TIMEOUT, TimeUnit.MILLISECONDS)) throw new AssertionError("no acknowledgement");
            return mqtt.publish(topic, message);
        }

        synchronized List<String> payloads() {
            return received.stream().map(message -> new String(message.getPayload())).toList();
        }

        /** Exactly these payloads in this order. */
        List<MqttMessage> expect(List<String> payloads) throws Exception {
            Cases.until(payloads.size() + " messages", () -> {
                synchronized (this) {
                    return received.size() >= payloads.size();
                }
            });
            Thread.sleep(100); // for one too many
            Cases.equal(payloads(), payloads, "payloads");
            synchronized (this) {
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
        for (String payload : payloads) publisher.send(topic, new MqttMessage(payload.getBytes(), qos, false, null));
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
        var options = new MqttConnectionOptions();
        MqttProperties properties = new MqttProperties();
        properties.setContentType("text/plain");
        properties.setUserProperties(List.of(new UserProperty("reason", "gone")));
        MqttMessage will = new MqttMessage("vanished".getBytes());
        will.setQos(1);
        options.setWill(topic, will);
        options.setWillMessageProperties(properties);
        new Client(Cases.unique("polite"), options).leave();
        watcher.expect(List.of());
        new Client(Cases.unique("vanishing"), options).vanish();
        MqttProperties arrived = watcher.expect(List.of("vanished")).get(0).getProperties();
        Cases.equal(arrived.getContentType(), "text/plain", "content type");
        Cases.equal(arrived.getUserProperties(), List.of(new UserProperty("reason", "gone")), "user properties");
        watcher.leave();
    }

    static void properties() throws Exception {
        String topic = Cases.unique("properties");
        Client subscriber = new Client(), publisher = new Client();
        subscriber.subscribe(topic, 1);
        MqttProperties sent = new MqttProperties();
        sent.setUserProperties(List.of(new UserProperty("colour", "red"), new UserProperty("colour", "blue")));
        sent.setContentType("application/json");
        sent.setResponseTopic(topic + "/reply");
        sent.setCorrelationData(new byte[] {0, -1});
        sent.setPayloadFormat(true);
        sent.setMessageExpiryInterval(60L);
        publisher.publish(topic, new MqttMessage("{}".getBytes(), 1, false, sent));
        MqttProperties arrived = subscriber.expect(List.of("{}")).get(0).getProperties();
        Cases.equal(arrived.getUserProperties(), sent.getUserProperties(), "user properties");
        Cases.equal(arrived.getContentType(), "application/json", "content type");
        Cases.equal(arrived.getResponseTopic(), topic + "/reply", "response topic");
        Cases.equal(arrived.getCorrelationData(), new byte[] {0, -1}, "correlation data");
        Cases.equal(arrived.getPayloadFormat(), true, "payload format");
        Cases.equal(arrived.getMessageExpiryInterval() > 0 && arrived.getMessageExpiryInterval() <= 60, true, "message expiry interval");
        subscriber.leave();
        publisher.leave();
    }

    static MqttConnectionOptions persistent(long expiry) {
        var options = new MqttConnectionOptions();
        options.setCleanStart(false);
        options.setSessionExpiryInterval(expiry);
        return options;
    }

    static void sessionExpiry() throws Exception {
        String id = Cases.unique("expiry");
        boolean[] expected = {false, true, false, false};
        long[] expiry = {300, 1, 0, 0};
        for (int i = 0; i < expiry.length; i++) {
            Client client = new Client(id, persistent(expiry[i]));
            Cases.equal(client.sessionPresent, expected[i], "session present at connection " + i);
            client.leave();
            if (expiry[i] == 1) Thread.sleep(2200);
        }
    }

    static void offline() throws Exception {
        String topic = Cases.unique("offline"), id = Cases.unique("sleeper");
        Client sleeper = new Client(id, persistent(300));
        sleeper.subscribe(topic, 1);
        sleeper.leave();
        Client publisher = new Client();
        MqttProperties shortLived = new MqttProperties();
        shortLived.setMessageExpiryInterval(1L);
        publisher.publish(topic, new MqttMessage("expired".getBytes(), 1, false, shortLived));
        List<String> payloads = IntStream.range(0, 100).mapToObj(String::valueOf).toList();
        for (String payload : payloads) publisher.publish(topic, payload, false);
        Thread.sleep(2200);
        Client awake = new Client(id, persistent(0));
        Cases.equal(awake.sessionPresent, true, "session present");
        awake.expect(payloads);
        awake.leave();
        publisher.leave();
    }

    static void reasonCodes() throws Exception {
        String topic = Cases.unique("reasons");
        Client client = new Client();
        client.subscribe(topic, 2);
        IMqttToken token = client.mqtt.unsubscribe(new String[] {topic, "never/subscribed"});
        token.waitForCompletion(TIMEOUT);
        Cases.equal(token.getReasonCodes(), new int[] {0x00, 0x11}, "UNSUBACK");
        client.leave();
    }

    static void noLocal() throws Exception {
        String topic = Cases.unique("local");
        Client self = new Client(), other = new Client();
        MqttSubscription subscription = new MqttSubscription(topic, 1);
        subscription.setNoLocal(true);
        self.mqtt.subscribe(subscription).waitForCompletion(TIMEOUT);
        self.publish(topic, "mine", false);
        other.publish(topic, "theirs", false);
        self.expect(List.of("theirs"));
        self.leave();
        other.leave();
    }

    static void shared() throws Exception {
        String topic = Cases.unique("shared");
        List<Client> members = List.of(new Client(), new Client(), new Client());
        for (Client member : members) member.subscribe("$share/group/" + topic, 1);
        Client publisher = new Client();
        for (int i = 0; i < 300; i++) publisher.publish(topic, "message " + i, false);
        Cases.until("all messages", () -> members.stream().mapToInt(member -> member.payloads().size()).sum() >= 300);
        List<String> all = members.stream().flatMap(member -> member.payloads().stream()).sorted().toList();
        Cases.equal(all, IntStream.range(0, 300).mapToObj(i -> "message " + i).sorted().toList(), "payloads of all members together");
        Cases.equal(members.stream().noneMatch(member -> member.payloads().isEmpty()), true, "every member has some");
        for (Client member : members) member.leave();
        publisher.leave();
    }
}
