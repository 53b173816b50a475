"""kafka-python: https://kafka-python.readthedocs.io"""

import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import RebalanceInProgressError
from kafka.structs import OffsetAndMetadata

from cases import BROKERS, case, equal, main, unique, until
from records import check_keyed_records, keyed_records

servers = BROKERS.split(",")


def create_topic(name, partitions=1):
    topic = unique(name)
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=1)])
    admin.close()
    return topic


def consumer_of(*topics, **options):
    return KafkaConsumer(*topics, bootstrap_servers=servers, auto_offset_reset="earliest", **options)


def receive(consumer, count, seconds=30):
    """At least `count` records, if they come in time, and what follows within a moment."""
    records = []
    deadline = time.monotonic() + seconds
    while len(records) < count and time.monotonic() < deadline:
        for batch in consumer.poll(200).values():
            records.extend(batch)
    for batch in consumer.poll(200).values():
        records.extend(batch)
    return records


def produce(topic, values, **options):
    producer = KafkaProducer(bootstrap_servers=servers, **options)
    for value in values:
        producer.send(topic, value)
    producer.flush()
    producer.close()


@case("10,000 keyed records reach a group once, in order per partition")
def keyed():
    topic = create_topic("keyed", partitions=6)
    producer = KafkaProducer(bootstrap_servers=servers, linger_ms=5)
    sent = [producer.send(topic, value, key=key) for key, value in keyed_records()]
    producer.flush()
    for future in sent:
        future.get(timeout=10)
    producer.close()

    consumer = consumer_of(topic, group_id=unique("group"))
    received = receive(consumer, len(sent))
    consumer.close()
    return check_keyed_records([(r.partition, r.offset, r.key, r.value) for r in received])


def round_trip(compression):
    topic = create_topic(compression)
    values = [f"{compression} {i} ".encode() * 50 for i in range(500)]
    produce(topic, values, compression_type=compression, linger_ms=20)
    consumer = consumer_of(topic)
    equal([record.value for record in receive(consumer, len(values))], values, "values")
    consumer.close()


for codec in ("gzip", "snappy", "lz4", "zstd"):
    case(f"{codec} round trip")(lambda codec=codec: round_trip(codec))


def commit(consumer, offsets):
    """A group may rebalance at any time, here when it sees the partitions of the new topic; then polling completes it."""

    def committed():
        try:
            consumer.commit(offsets)
            return True
        except RebalanceInProgressError:
            consumer.poll(100)

    until(committed, "the commit")


@case("a restarted group resumes at its committed offset")
def resume():
    topic, group = create_topic("resume"), unique("group")
    values = [f"{i}".encode() for i in range(100)]
    produce(topic, values)

    first = consumer_of(topic, group_id=group, enable_auto_commit=False)
    receive(first, 100)
    commit(first, {TopicPartition(topic, 0): OffsetAndMetadata(60, "sixty", -1)})
    first.close()

    second = consumer_of(topic, group_id=group, enable_auto_commit=False)
    equal([record.value for record in receive(second, 40)], values[60:], "values after the restart")
    equal(second.committed(TopicPartition(topic, 0)), 60, "committed offset")
    second.close()


@case("offsets are found by timestamp")
def timestamps():
    topic = create_topic("timestamps")
    partition = TopicPartition(topic, 0)
    start = int(time.time() * 1000) - 60_000
    producer = KafkaProducer(bootstrap_servers=servers)
    for i in range(10):
        producer.send(topic, b"x", timestamp_ms=start + i * 1000).get(timeout=10)
    producer.close()

    consumer = consumer_of()
    found = consumer.offsets_for_times({partition: start + 2500})[partition]
    equal((found.offset, found.timestamp), (3, start + 3000), "first record at or after the time")
    equal(consumer.offsets_for_times({partition: start + 60_000})[partition], None, "after the last record")
    equal(consumer.beginning_offsets([partition])[partition], 0, "beginning")
    equal(consumer.end_offsets([partition])[partition], 10, "end")
    consumer.close()


@case("headers, nulls and timestamps arrive as sent")
def contents():
    topic = create_topic("contents")
    now = int(time.time() * 1000)
    producer = KafkaProducer(bootstrap_servers=servers)
    producer.send(topic, None, key=b"tombstone", timestamp_ms=now)
    producer.send(topic, b"", headers=[("a", b"1"), ("a", b"2"), ("empty", b"")], timestamp_ms=now + 1)
    producer.flush()
    producer.close()

    consumer = consumer_of(topic)
    first, second = receive(consumer, 2)
    consumer.close()
    equal((first.key, first.value, first.timestamp), (b"tombstone", None, now), "tombstone")
    equal((second.key, second.value, second.timestamp), (None, b"", now + 1), "empty value")
    equal(list(second.headers), [("a", b"1"), ("a", b"2"), ("empty", b"")], "headers")


@case("a deleted topic is gone")
def delete():
    topic = create_topic("deleted")
    admin = KafkaAdminClient(bootstrap_servers=servers)
    until(lambda: topic in admin.list_topics(), "the topic to be listed")
    admin.delete_topics([topic])
    until(lambda: topic not in admin.list_topics(), "the topic to be gone")
    admin.close()


@case("an unknown topic is an error")
def unknown():
    admin = KafkaAdminClient(bootstrap_servers=servers)
    consumer = consumer_of(allow_auto_create_topics=False)
    missing = unique("missing")
    equal(bool(consumer.partitions_for_topic(missing)), False, "partitions")
    equal(missing in admin.list_topics(), False, "created by asking")
    consumer.close()
    admin.close()


main()
