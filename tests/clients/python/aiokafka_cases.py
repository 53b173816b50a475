"""aiokafka: https://aiokafka.readthedocs.io"""

import asyncio
import time
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from cases import BROKERS, case, equal, main, unique
from records import check_keyed_records, keyed_records


@asynccontextmanager
async def admin_client():
    admin = AIOKafkaAdminClient(bootstrap_servers=BROKERS)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def create_topic(name, partitions=1):
    topic = unique(name)
    async with admin_client() as admin:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    return topic


def consumer_of(*topics, **options):
    return AIOKafkaConsumer(
        *topics, bootstrap_servers=BROKERS, auto_offset_reset="earliest", enable_auto_commit=False, **options
    )


def producer_of(**options):
    return AIOKafkaProducer(bootstrap_servers=BROKERS, **options)


async def receive(consumer, count, seconds=30):
    """`count` records, if they come in time, and what follows within a moment."""
    records = []
    deadline = time.monotonic() + seconds
    while len(records) < count and time.monotonic() < deadline:
        for batch in (await consumer.getmany(timeout_ms=200)).values():
            records.extend(batch)
    for batch in (await consumer.getmany(timeout_ms=200)).values():
        records.extend(batch)
    return records


async def produce(producer, topic, records, **options):
    """Sends (key, value) pairs, in order, and waits until all are acknowledged."""
    await asyncio.gather(*[await producer.send(topic, value, key, **options) for key, value in records])


@case("10,000 keyed records reach a group once, in order per partition")
async def keyed():
    topic = await create_topic("keyed", partitions=6)
    async with producer_of(enable_idempotence=True, linger_ms=5) as producer:
        await produce(producer, topic, keyed_records())
    async with consumer_of(topic, group_id=unique("group")) as consumer:
        received = await receive(consumer, len(keyed_records()))
    return check_keyed_records([(r.partition, r.offset, r.key, r.value) for r in received])


@case("a third member takes its part of the partitions")
async def rebalance():
    topic, group = await create_topic("shared", partitions=6), unique("group")
    members = []

    async def join():
        member = consumer_of(topic, group_id=group, heartbeat_interval_ms=300)
        await member.start()
        members.append(member)

    async def shares(*expected):
        async with asyncio.timeout(40):
            while True:
                for member in members:
                    await member.getmany(timeout_ms=20)
                assigned = [[p.partition for p in member.assignment()] for member in members]
                if sorted(map(len, assigned)) == list(expected) and sorted(sum(assigned, [])) == list(range(6)):
                    return

    await join()
    await join()
    await shares(3, 3)
    await join()
    await shares(2, 2, 2)
    await members.pop(0).stop()
    await shares(3, 3)
    for member in members:
        await member.stop()


async def round_trip(compression):
    topic = await create_topic(compression)
    records = [(None, f"{compression} {i} ".encode() * 50) for i in range(500)]
    async with producer_of(compression_type=compression, linger_ms=20) as producer:
        await produce(producer, topic, records)
    async with consumer_of(topic) as consumer:
        received = await receive(consumer, len(records))
    equal([(r.key, r.value) for r in received], records, "records")


def compression_case(codec):
    @case(f"{codec} round trip")
    async def run():
        await round_trip(codec)


for codec in ("gzip", "snappy", "lz4", "zstd"):
    compression_case(codec)


@case("a restarted group resumes at its committed offset")
async def resume():
    topic, group = await create_topic("resume"), unique("group")
    partition = TopicPartition(topic, 0)
    records = [(None, f"{i}".encode()) for i in range(100)]
    async with producer_of() as producer:
        await produce(producer, topic, records)

    async with consumer_of(topic, group_id=group) as first:
        await receive(first, 100)
        await first.commit({partition: (60, "sixty")})
    async with consumer_of(topic, group_id=group) as second:
        equal([(r.key, r.value) for r in await receive(second, 40)], records[60:], "records after the restart")
        equal(await second.committed(partition), 60, "committed offset")


@case("offsets are found by timestamp")
async def timestamps():
    topic = await create_topic("timestamps")
    partition = TopicPartition(topic, 0)
    start = int(time.time() * 1000) - 60_000
    async with producer_of() as producer:
        for i in range(10):
            await producer.send_and_wait(topic, b"x", timestamp_ms=start + i * 1000)
    async with consumer_of(topic) as consumer:
        found = (await consumer.offsets_for_times({partition: start + 2500}))[partition]
        equal((found.offset, found.timestamp), (3, start + 3000), "first record at or after the time")
        equal((await consumer.offsets_for_times({partition: start + 60_000}))[partition], None, "after the last record")
        equal((await consumer.beginning_offsets([partition]))[partition], 0, "beginning")
        equal((await consumer.end_offsets([partition]))[partition], 10, "end")


@case("a deleted topic is gone")
async def delete():
    topic = await create_topic("deleted")
    async with admin_client() as admin, asyncio.timeout(20):
        while topic not in await admin.list_topics():
            await asyncio.sleep(0.05)
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():
            await asyncio.sleep(0.05)


main()
