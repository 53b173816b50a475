"""confluent-kafka, that is librdkafka: https://docs.confluent.io/kafka-clients/python"""

import time

from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    Consumer,
    KafkaError,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from cases import BROKERS, case, equal, main, unique, until
from records import check_keyed_records, keyed_records

common = {"bootstrap.servers": BROKERS}


def create_topic(name, partitions=1):
    topic = unique(name)
    admin = AdminClient(common)
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(20)
    return topic


def consumer_of(group=None, **options):
    defaults = {"group.id": group or unique("group"), "auto.offset.reset": "earliest", "enable.auto.commit": False}
    return Consumer({**common, **defaults, **options})


def receive(consumer, count, seconds=30):
    """`count` messages, if they come in time, and what follows within a moment."""
    messages = []
    deadline = time.monotonic() + seconds
    while len(messages) < count and time.monotonic() < deadline:
        messages += consumer.consume(1000, 0.1)
    messages += consumer.consume(1000, 0.2)
    for message in messages:
        if message.error():
            raise AssertionError(message.error())
    return messages


def produce(topic, records, **options):
    """Sends (key, value) pairs and waits until all are acknowledged."""
    errors = []
    producer = Producer({**common, "linger.ms": 5, **options})
    for key, value in records:
        producer.produce(topic, value, key, on_delivery=lambda error, _: error and errors.append(error))
        producer.poll(0)
    equal(producer.flush(30), 0, "records still waiting")
    equal(errors, [], "delivery errors")


@case("10,000 keyed records reach a group once, in order per partition")
def keyed():
    topic = create_topic("keyed", partitions=6)
    produce(topic, keyed_records(), **{"enable.idempotence": True})
    consumer = consumer_of()
    consumer.subscribe([topic])
    received = receive(consumer, len(keyed_records()))
    consumer.close()
    return check_keyed_records([(m.partition(), m.offset(), m.key(), m.value()) for m in received])


@case("a third member takes its part of the partitions")
def rebalance():
    topic, group = create_topic("shared", partitions=6), unique("group")
    members = []

    def join():
        member = consumer_of(group, **{"heartbeat.interval.ms": 300})
        member.subscribe([topic])
        members.append(member)

    def shares(*expected):
        def reached():
            for member in members:
                member.poll(0.05)
            assigned = [[p.partition for p in member.assignment()] for member in members]
            return sorted(map(len, assigned)) == list(expected) and sorted(sum(assigned, [])) == list(range(6))

        until(reached, f"shares of {expected}", 40)

    join()
    join()
    shares(3, 3)
    join()
    shares(2, 2, 2)
    members.pop(0).close()
    shares(3, 3)
    for member in members:
        member.close()


def round_trip(compression):
    topic = create_topic(compression)
    records = [(None, f"{compression} {i} ".encode() * 50) for i in range(500)]
    produce(topic, records, **{"compression.type": compression, "linger.ms": 20})
    consumer = consumer_of()
    consumer.subscribe([topic])
    received = receive(consumer, len(records))
    consumer.close()
    equal([(m.key(), m.value()) for m in received], records, "records")


for codec in ("gzip", "snappy", "lz4", "zstd"):
    case(f"{codec} round trip")(lambda codec=codec: round_trip(codec))


@case("a restarted group resumes at its committed offset")
def resume():
    topic, group = create_topic("resume"), unique("group")
    records = [(None, f"{i}".encode()) for i in range(100)]
    produce(topic, records)

    first = consumer_of(group)
    first.subscribe([topic])
    receive(first, 100)
    first.commit(offsets=[TopicPartition(topic, 0, 60)], asynchronous=False)
    first.close()

    second = consumer_of(group)
    second.subscribe([topic])
    equal([(m.key(), m.value()) for m in receive(second, 40)], records[60:], "records after the restart")
    equal(second.committed([TopicPartition(topic, 0)], 10)[0].offset, 60, "committed offset")
    second.close()


@case("offsets are found by timestamp")
def timestamps():
    topic = create_topic("timestamps")
    start = int(time.time() * 1000) - 60_000
    producer = Producer(common)
    for i in range(10):
        producer.produce(topic, b"x", timestamp=start + i * 1000)
    producer.flush(20)

    consumer = consumer_of()
    find = lambda time: consumer.offsets_for_times([TopicPartition(topic, 0, time)], 10)[0].offset
    equal(find(start + 2500), 3, "first record at or after the time")
    equal(find(start + 60_000), -1, "after the last record: the end")
    equal(consumer.get_watermark_offsets(TopicPartition(topic, 0), 10), (0, 10), "beginning and end")
    consumer.close()


@case("headers, nulls and timestamps arrive as sent")
def contents():
    topic = create_topic("contents")
    now = int(time.time() * 1000)
    producer = Producer(common)
    producer.produce(topic, None, b"tombstone", timestamp=now)
    producer.produce(topic, b"", headers=[("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None)], timestamp=now + 1)
    producer.flush(20)

    consumer = consumer_of()
    consumer.subscribe([topic])
    first, second = receive(consumer, 2)
    consumer.close()
    equal((first.key(), first.value(), first.timestamp()), (b"tombstone", None, (TIMESTAMP_CREATE_TIME, now)), "tombstone")
    equal((second.key(), second.value(), second.timestamp()), (None, b"", (TIMESTAMP_CREATE_TIME, now + 1)), "empty value")
    equal(second.headers(), [("a", b"1"), ("a", b"2"), ("empty", b""), ("null", None)], "headers")


@case("a deleted topic is gone")
def delete():
    topic = create_topic("deleted")
    admin = AdminClient(common)
    until(lambda: topic in admin.list_topics(timeout=10).topics, "the topic to be listed")
    admin.delete_topics([topic])[topic].result(20)
    until(lambda: topic not in admin.list_topics(timeout=10).topics, "the topic to be gone")


@case("an unknown topic is an error")
def unknown():
    consumer = consumer_of(**{"allow.auto.create.topics": False})
    consumer.subscribe([unique("missing")])
    codes = []

    def reported():
        message = consumer.poll(0.1)
        if message is not None:
            codes.append(message.error() and message.error().code())
        return codes

    until(reported, "an error")
    consumer.close()
    equal(codes[0], KafkaError.UNKNOWN_TOPIC_OR_PART, "error code")


main()
