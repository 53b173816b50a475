"""paho-mqtt: https://eclipse.dev/paho/files/paho.mqtt.python/html"""

import socket
import threading
import time
from urllib.parse import urlparse

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from cases import MQTT_URL, case, equal, main, unique, until

COUNT = 10_000
url = urlparse(MQTT_URL)


class Client:
    """A connected client which keeps what it receives."""

    def __init__(self, version=mqtt.MQTTv311, client_id=None, clean=True, expiry=0, will=None):
        options = {} if version == mqtt.MQTTv5 else {"clean_session": clean}
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id or unique("paho"), protocol=version, **options
        )
        self.received = []
        self.session_present = None
        self.reasons = {}  # of SUBACK and UNSUBACK, by packet id
        self._connected = threading.Event()
        self.mqtt.on_connect = self._on_connect
        self.mqtt.on_message = lambda client, userdata, message: self.received.append(message)
        self.mqtt.on_subscribe = self.mqtt.on_unsubscribe = self._on_acknowledged
        if will:
            self.mqtt.will_set(*will)
        if version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry
            self.mqtt.connect(url.hostname, url.port, clean_start=clean, properties=properties)
        else:
            self.mqtt.connect(url.hostname, url.port)
        self.mqtt.loop_start()
        if not self._connected.wait(10):
            raise AssertionError("no CONNACK")

    def _on_connect(self, client, userdata, flags, reason, properties):
        equal(reason.value, 0, "CONNACK")
        self.session_present = flags.session_present
        self._connected.set()

    def _on_acknowledged(self, client, userdata, packet_id, reasons, properties):
        self.reasons[packet_id] = [reason.value for reason in reasons]

    def _acknowledged(self, result):
        equal(result[0], mqtt.MQTT_ERR_SUCCESS, "sent")
        until(lambda: result[1] in self.reasons, "the acknowledgement")
        return self.reasons[result[1]]

    def subscribe(self, *arguments, **options):
        return self._acknowledged(self.mqtt.subscribe(*arguments, **options))

    def unsubscribe(self, topic):
        return self._acknowledged(self.mqtt.unsubscribe(topic))

    def publish(self, topic, payload, qos=0, **options):
        self.mqtt.publish(topic, payload, qos, **options).wait_for_publish(10)

    def expect(self, *payloads, seconds=10):
        """Exactly these payloads, in this order, within the time; answers with the messages."""
        until(lambda: len(self.received) >= len(payloads), f"{len(self.received)} of {len(payloads)} messages", seconds)
        time.sleep(0.1)  # for one too many
        equal([message.payload for message in self.received], list(payloads), "payloads")
        received, self.received = self.received, []
        return received

    def disconnect(self):
        self.mqtt.disconnect()
        self.mqtt.loop_stop()

    def vanish(self):
        """Closes the socket without a DISCONNECT."""
        self.mqtt.loop_stop()
        self.mqtt.socket().shutdown(socket.SHUT_RDWR)


def ten_thousand(qos, version):
    topic = unique("many")
    subscriber, publisher = Client(version), Client(version)
    equal(subscriber.subscribe(topic, qos), [qos], "granted QoS")
    payloads = [f"message {i}".encode() for i in range(COUNT)]
    for payload in payloads:
        publisher.mqtt.publish(topic, payload, qos)
    messages = subscriber.expect(*payloads, seconds=40)
    equal({message.qos for message in messages}, {qos}, "QoS")
    publisher.disconnect()
    subscriber.disconnect()


for level in (0, 1, 2):
    case(f"10,000 messages at QoS {level}, in order")(lambda level=level: ten_thousand(level, mqtt.MQTTv311))
    case(f"10,000 messages at QoS {level}, in order (5.0)")(lambda level=level: ten_thousand(level, mqtt.MQTTv5))


@case("a retained message reaches a late subscriber until it is cleared")
def retained():
    topic = unique("retained")
    publisher = Client()
    publisher.publish(topic, b"first", 1, retain=True)
    publisher.publish(topic, b"last", 1, retain=True)
    late = Client()
    late.subscribe(topic, 1)
    equal(late.expect(b"last")[0].retain, True, "retain flag of the late subscriber's message")
    publisher.publish(topic, b"live", 1, retain=True)
    equal(late.expect(b"live")[0].retain, False, "retain flag of a live message")
    publisher.publish(topic, b"", 1, retain=True)
    late.expect(b"")
    later = Client()
    later.subscribe(topic, 1)
    later.expect()
    for client in (publisher, late, later):
        client.disconnect()


@case("the will is sent when the client vanishes, and only then")
def will():
    topic = unique("will")
    watcher = Client()
    watcher.subscribe(topic, 1)
    Client(will=(topic, b"polite", 1)).disconnect()
    watcher.expect()
    Client(will=(topic, b"vanished", 1)).vanish()
    watcher.expect(b"vanished")
    watcher.disconnect()


@case("wildcards match as the specification says")
def wildcards():
    base = unique("wild")
    topics = ["", "/a", "/a/b", "/a/b/c", "/x/b", "/a/"]
    expected = {
        f"{base}/#": ["", "/a", "/a/b", "/a/b/c", "/x/b", "/a/"],
        f"{base}/+": ["/a"],
        f"{base}/+/b": ["/a/b", "/x/b"],
        f"{base}/a/+": ["/a/b", "/a/"],
        f"{base}/a/#": ["/a", "/a/b", "/a/b/c", "/a/"],
        f"+/a/b": ["/a/b"],
    }
    publisher = Client()
    subscribers = {pattern: Client() for pattern in expected}
    for pattern, subscriber in subscribers.items():
        equal(subscriber.subscribe(pattern, 1), [1], pattern)
    for topic in topics:
        publisher.publish(base + topic, topic.encode(), 1)
    for pattern, subscriber in subscribers.items():
        subscriber.expect(*[topic.encode() for topic in expected[pattern]])
        subscriber.disconnect()
    publisher.disconnect()


@case("a persistent session keeps messages while offline")
def offline():
    topic, client_id = unique("offline"), unique("sleeper")
    sleeper = Client(client_id=client_id, clean=False)
    equal(sleeper.session_present, False, "session present at first")
    sleeper.subscribe(topic, 1)
    sleeper.disconnect()
    publisher = Client()
    payloads = [f"{i}".encode() for i in range(100)]
    for payload in payloads:
        publisher.publish(topic, payload, 1)
    awake = Client(client_id=client_id, clean=False)
    equal(awake.session_present, True, "session present later")
    awake.expect(*payloads)
    awake.disconnect()
    fresh = Client(client_id=client_id, clean=True)
    equal(fresh.session_present, False, "session present after a clean session")
    publisher.publish(topic, b"nobody listens", 1)
    fresh.expect()
    fresh.disconnect()
    publisher.disconnect()


@case("a second client with the same id takes over")
def take_over():
    client_id = unique("twin")
    first = Client(mqtt.MQTTv5, client_id)
    reasons = []
    first.mqtt.on_disconnect = lambda client, userdata, flags, reason, properties: (
        reasons.append(reason.value),
        first.mqtt.disconnect(),  # do not come back
    )
    second = Client(mqtt.MQTTv5, client_id)
    until(lambda: reasons, "the first client to be disconnected")
    # 0x8E says that the session was taken over; Mosquitto 2.0 closes without a word, which paho calls 0x80
    equal(reasons[0] in (0x8E, 0x80), True, f"reason {reasons[0]:#x}")
    second.disconnect()
    first.mqtt.loop_stop()


@case("properties of a publication arrive (5.0)")
def publish_properties():
    topic = unique("properties")
    subscriber, publisher = Client(mqtt.MQTTv5), Client(mqtt.MQTTv5)
    subscriber.subscribe(topic, 1)
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("colour", "red"), ("colour", "blue"), ("", "empty name")]
    properties.ContentType = "text/plain"
    properties.ResponseTopic = f"{topic}/reply"
    properties.CorrelationData = b"\x00\xff"
    properties.PayloadFormatIndicator = 1
    properties.MessageExpiryInterval = 60
    publisher.publish(topic, "grüße", 1, properties=properties)
    received = subscriber.expect("grüße".encode())[0].properties
    for name in ("UserProperty", "ContentType", "ResponseTopic", "CorrelationData", "PayloadFormatIndicator"):
        equal(getattr(received, name), getattr(properties, name), name)
    if not 0 < received.MessageExpiryInterval <= 60:
        raise AssertionError(f"message expiry interval {received.MessageExpiryInterval}")
    subscriber.disconnect()
    publisher.disconnect()


@case("a session lives as long as its expiry interval (5.0)")
def session_expiry():
    client_id = unique("expiry")

    def reconnect(expiry):
        client = Client(mqtt.MQTTv5, client_id, clean=False, expiry=expiry)
        client.disconnect()
        return client.session_present

    equal(reconnect(300), False, "session present at first")
    equal(reconnect(1), True, "session present within 300 seconds")
    time.sleep(2.2)
    equal(reconnect(0), False, "session present after the second has passed")
    equal(reconnect(0), False, "session present after an expiry of 0")


@case("reason codes of UNSUBACK tell what was there (5.0)")
def reason_codes():
    topic = unique("reasons")
    client = Client(mqtt.MQTTv5)
    equal(client.subscribe([(topic, SubscribeOptions(2)), (f"{topic}/+", SubscribeOptions(1))]), [2, 1], "SUBACK")
    equal(client.unsubscribe([topic, "never/subscribed"]), [0x00, 0x11], "UNSUBACK")
    client.disconnect()


@case("subscription options: no local, retain as published, retain handling (5.0)")
def subscription_options():
    topic = unique("options")
    publisher, watcher = Client(mqtt.MQTTv5), Client(mqtt.MQTTv5)
    publisher.publish(topic, b"kept", 1, retain=True)

    publisher.subscribe(topic, options=SubscribeOptions(1, noLocal=True, retainHandling=2))
    watcher.subscribe(topic, options=SubscribeOptions(1, retainAsPublished=True, retainHandling=1))
    watcher.expect(b"kept")
    watcher.subscribe(topic, options=SubscribeOptions(1, retainAsPublished=True, retainHandling=1))
    publisher.publish(topic, b"live", 1, retain=True)
    equal(watcher.expect(b"live")[0].retain, True, "retain flag as published")
    publisher.expect()
    publisher.publish(topic, b"", 1, retain=True)
    watcher.disconnect()
    publisher.disconnect()


@case("a shared subscription gives each message to one member (5.0)")
def shared():
    topic = unique("shared")
    members = [Client(mqtt.MQTTv5) for _ in range(3)]
    for member in members:
        member.subscribe(f"$share/group/{topic}", 1)
    publisher = Client(mqtt.MQTTv5)
    payloads = [f"{i}".encode() for i in range(300)]
    for payload in payloads:
        publisher.publish(topic, payload, 1)
    until(lambda: sum(len(member.received) for member in members) >= 300, "all messages")
    arrived = [message.payload for member in members for message in member.received]
    equal(sorted(arrived), sorted(payloads), "payloads of all members together")
    equal(all(member.received for member in members), True, "every member has some")
    for client in (*members, publisher):
        client.disconnect()


main()
