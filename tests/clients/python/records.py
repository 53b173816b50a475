"""What the Kafka programs send, and how they judge what arrives."""

from collections import defaultdict

from cases import equal

COUNT = 10_000
KEYS = 97


def keyed_records():
    """10,000 (key, value) pairs; the value counts up."""
    return [(f"key-{i % KEYS}".encode(), f"value-{i}".encode()) for i in range(COUNT)]


def check_keyed_records(received):
    """`received` holds (partition, offset, key, value) in the order of arrival."""
    equal(len(received), COUNT, "records")
    equal(sorted((key, value) for _, _, key, value in received), sorted(keyed_records()), "keys and values")
    partitions = defaultdict(list)
    for partition, offset, _, value in received:
        partitions[partition].append((offset, int(value.removeprefix(b"value-"))))
    for partition, arrived in partitions.items():
        equal([offset for offset, _ in arrived], list(range(len(arrived))), f"offsets of partition {partition}")
        equal(arrived, sorted(arrived, key=lambda record: record[1]), f"order of partition {partition}")
    if len(partitions) < 2:
        raise AssertionError("all records went to one partition")
    return f"{len(partitions)} partitions"
