"""pika: https://pika.readthedocs.io"""

import os
from collections import deque

import pika
from pika.exceptions import ChannelClosedByBroker, UnroutableError
from pika.exchange_type import ExchangeType

from cases import AMQP_URL, case, equal, main, raises, unique, until

COUNT = 10_000
parameters = pika.URLParameters(AMQP_URL)


class Session:
    """A connection and one channel, closed at the end of `with`."""

    def __enter__(self):
        self.connection = pika.BlockingConnection(parameters)
        self.channel = self.connection.channel()
        return self

    def __exit__(self, *error):
        if self.connection.is_open:
            self.connection.close()

    def queue(self, name="", **options):
        return self.channel.queue_declare(name, **{"exclusive": True, **options}).method.queue

    def publish(self, queue, *bodies):
        for body in bodies:
            self.channel.basic_publish("", queue, body)

    def take(self, queue):
        """All messages of the queue as (redelivered, body), acknowledged."""
        taken = []
        while True:
            method, _, body = self.channel.basic_get(queue, auto_ack=True)
            if method is None:
                return taken
            taken.append((method.redelivered, body))


@case("10,000 confirmed messages are consumed in order, with prefetch and acks")
def ten_thousand():
    bodies = [f"message {i}".encode() for i in range(COUNT)]
    with Session() as publisher, Session() as consumer:
        queue = publisher.queue(unique("many"), exclusive=False, durable=True)
        publisher.channel.confirm_delivery()
        for body in bodies:  # each waits for its confirmation
            publisher.channel.basic_publish("", queue, body, mandatory=True)

        consumer.channel.basic_qos(prefetch_count=100)
        received = []
        for method, _, body in consumer.channel.consume(queue, inactivity_timeout=5):
            if method is None:
                break
            received.append(body)
            equal((method.delivery_tag, method.redelivered), (len(received), False), "delivery tag and redelivered flag")
            consumer.channel.basic_ack(method.delivery_tag)
            if len(received) == COUNT:
                break
        equal(received, bodies, "bodies")
        consumer.channel.cancel()
        equal(publisher.channel.queue_delete(queue).method.message_count, 0, "messages left")


@case("no more unacked messages than the prefetch count")
def prefetch():
    with Session() as session:
        queue = session.queue()
        session.publish(queue, *[b"x"] * 10)
        session.channel.basic_qos(prefetch_count=3)
        received = []
        session.channel.basic_consume(queue, lambda channel, method, properties, body: received.append(method.delivery_tag))
        arrived = lambda count: session.connection.process_data_events(0.05) or len(received) >= count
        until(lambda: arrived(3), "3 deliveries")
        session.connection.process_data_events(0.5)  # for one too many
        equal(received, [1, 2, 3], "deliveries before an ack")
        session.channel.basic_ack(2, multiple=True)
        until(lambda: arrived(5), "5 deliveries")
        session.connection.process_data_events(0.5)
        equal(received, [1, 2, 3, 4, 5], "deliveries after two acks")


def routing(kind, bindings, messages):
    """Binds one queue per binding and checks which bodies each gets; a binding is (key, arguments, expected)."""
    with Session() as session:
        exchange = unique(kind.value)
        session.channel.exchange_declare(exchange, kind, auto_delete=True)
        queues = []
        for key, arguments, _ in bindings:
            queues.append(session.queue())
            session.channel.queue_bind(queues[-1], exchange, key, arguments)
        session.channel.confirm_delivery()
        for body, key, headers in messages:
            session.channel.basic_publish(exchange, key, body, pika.BasicProperties(headers=headers))
        for queue, (key, arguments, expected) in zip(queues, bindings):
            equal([body for _, body in session.take(queue)], expected, f"bodies for {key or arguments}")


@case("a direct exchange routes by key")
def direct():
    routing(
        ExchangeType.direct,
        [("red", None, [b"1", b"3"]), ("blue", None, [b"2"]), ("red", None, [b"1", b"3"])],
        [(b"1", "red", None), (b"2", "blue", None), (b"3", "red", None), (b"4", "green", None)],
    )


@case("a fanout exchange copies to all")
def fanout():
    routing(
        ExchangeType.fanout,
        [("", None, [b"1", b"2"]), ("ignored", None, [b"1", b"2"])],
        [(b"1", "", None), (b"2", "any", None)],
    )


@case("a topic exchange matches patterns")
def topic():
    routing(
        ExchangeType.topic,
        [
            ("*.orange.*", None, [b"1"]),
            ("lazy.#", None, [b"2", b"3"]),
            ("#", None, [b"1", b"2", b"3", b"4"]),
            ("*", None, [b"3"]),
            ("#.rabbit", None, [b"1", b"4"]),
        ],
        [
            (b"1", "quick.orange.rabbit", None),
            (b"2", "lazy.brown.fox.there", None),
            (b"3", "lazy", None),
            (b"4", "a.b.rabbit", None),
        ],
    )


@case("a headers exchange matches all or any")
def headers():
    routing(
        ExchangeType.headers,
        [
            ("", {"x-match": "all", "colour": "red", "size": 1}, [b"1"]),
            ("", {"x-match": "any", "colour": "red", "size": 1}, [b"1", b"2"]),
        ],
        [
            (b"1", "", {"colour": "red", "size": 1, "more": True}),
            (b"2", "", {"colour": "red", "size": 2}),
            (b"3", "", {"colour": "blue"}),
        ],
    )


@case("a mandatory message without a route is returned")
def returned():
    with Session() as session:
        session.channel.confirm_delivery()
        error = raises(
            UnroutableError,
            lambda: session.channel.basic_publish("", unique("nowhere"), b"lost", mandatory=True),
        )
        (message,) = error.messages
        equal((message.method.reply_code, message.method.reply_text), (312, "NO_ROUTE"), "reply")
        equal(message.body, b"lost", "body")


@case("a nacked message comes back as redelivered")
def nack():
    with Session() as session:
        queue = session.queue()
        session.publish(queue, b"1", b"2", b"3")
        tags = [session.channel.basic_get(queue)[0].delivery_tag for _ in range(3)]
        session.channel.basic_nack(tags[0], requeue=True)
        session.channel.basic_reject(tags[1], requeue=False)
        session.channel.basic_reject(tags[2], requeue=True)
        equal(session.take(queue), [(True, b"1"), (True, b"3")], "messages after nack and reject")


@case("unacked messages return when the connection drops")
def drop():
    with Session() as survivor:
        queue = survivor.queue(unique("drop"), exclusive=False)
        survivor.publish(queue, b"1", b"2", b"3")
        victim = os.fork()
        if victim == 0:  # a process that ends without a word takes its socket with it
            channel = pika.BlockingConnection(parameters).channel()
            bodies = [channel.basic_get(queue)[2] for _ in range(2)]
            os._exit(0 if bodies == [b"1", b"2"] else 1)
        equal(os.waitpid(victim, 0)[1], 0, "exit status of the victim")

        depth = lambda: survivor.channel.queue_declare(queue, passive=True).method.message_count
        until(lambda: depth() == 3, "the messages to return")
        equal(survivor.take(queue), [(True, b"1"), (True, b"2"), (False, b"3")], "messages after the drop")
        survivor.channel.queue_delete(queue)


@case("an exclusive queue is closed to other connections and goes with its own")
def exclusive():
    with Session() as other:
        with Session() as owner:
            queue = owner.queue(unique("exclusive"))
            error = raises(ChannelClosedByBroker, lambda: other.channel.queue_declare(queue, passive=True))
            equal(error.reply_code, 405, "reply code")
        other.channel = other.connection.channel()
        error = raises(ChannelClosedByBroker, lambda: other.channel.queue_declare(queue, passive=True))
        equal(error.reply_code, 404, "reply code when the owner is gone")


@case("an auto-delete queue goes with its last consumer")
def auto_delete():
    with Session() as session:
        queue = session.queue(unique("auto-delete"), exclusive=False, auto_delete=True)
        tags = [session.channel.basic_consume(queue, print) for _ in range(2)]
        session.channel.basic_cancel(tags[0])
        session.channel.queue_declare(queue, passive=True)
        session.channel.basic_cancel(tags[1])
        error = raises(ChannelClosedByBroker, lambda: session.channel.queue_declare(queue, passive=True))
        equal(error.reply_code, 404, "reply code")


@case("a missing queue is 404 and costs only the channel")
def missing():
    with Session() as session:
        error = raises(ChannelClosedByBroker, lambda: session.channel.queue_declare(unique("missing"), passive=True))
        equal(error.reply_code, 404, "reply code")
        equal(error.reply_text.startswith("NOT_FOUND"), True, error.reply_text)
        session.channel = session.connection.channel()
        session.queue()


@case("declaring a queue or exchange otherwise is 406")
def otherwise():
    with Session() as session:
        queue, exchange = session.queue(unique("otherwise")), unique("otherwise")
        error = raises(
            ChannelClosedByBroker,
            lambda: session.channel.queue_declare(queue, exclusive=True, arguments={"x-message-ttl": 1000}),
        )
        equal(error.reply_code, 406, "reply code for the queue")
        session.channel = session.connection.channel()
        session.channel.exchange_declare(exchange, ExchangeType.direct)
        error = raises(ChannelClosedByBroker, lambda: session.channel.exchange_declare(exchange, ExchangeType.fanout))
        equal(error.reply_code, 406, "reply code for the exchange")
        session.channel = session.connection.channel()
        session.channel.exchange_delete(exchange)


@case("properties and large bodies arrive as sent")
def contents():
    with Session() as session:
        queue = session.queue()
        sent = pika.BasicProperties(
            content_type="application/json",
            content_encoding="utf-8",
            headers={"text": "ü", "number": -5, "yes": True, "list": [1, "two", None], "table": {"nested": {"deep": "down"}}},
            delivery_mode=2,
            priority=7,
            correlation_id="correlation",
            reply_to="reply",
            expiration="60000",
            message_id="id",
            timestamp=1_700_000_000,
            type="kind",
            user_id=parameters.credentials.username,
            app_id="app",
        )
        body = bytes(range(256)) * 4096  # 1 MiB: several frames
        for content in (body, b""):
            session.channel.basic_publish("", queue, content, sent)
            _, received, arrived = session.channel.basic_get(queue, auto_ack=True)
            equal(arrived == content, True, f"body of {len(content)} bytes")
            equal(vars(received), vars(sent), "properties")


@case("get counts down what is left, purge empties")
def get_and_purge():
    with Session() as session:
        queue = session.queue()
        session.publish(queue, b"1", b"2", b"3")
        counts = deque(session.channel.basic_get(queue, auto_ack=True)[0].message_count for _ in range(2))
        equal(list(counts), [2, 1], "messages left")
        equal(session.channel.queue_purge(queue).method.message_count, 1, "purged")
        equal(session.channel.basic_get(queue)[0], None, "get from the empty queue")


main()
