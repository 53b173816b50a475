"""The Python client of havoq: what is set through it is what real clients see."""

import os
import subprocess
import sys

import pika
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import TopicAuthorizationFailedError

from havoq import Havoq, HavoqError, WaitTimeout
from havoq.process import find_binary


def produce(havoq, topic, values):
    """Sends one after the other, all to one partition: which one a client chooses is not drawn from the seed; answers with the values that were refused, by the name of the error."""
    producer = KafkaProducer(bootstrap_servers=havoq.kafka_brokers, client_id="shop", enable_idempotence=False)
    refused = {}
    try:
        for value in values:
            try:
                producer.send(topic, value.encode(), partition=0).get(20)
            except Exception as error:
                refused[value] = type(error).__name__
    finally:
        producer.close(5)
    return refused


def stored(havoq, topic):
    return [message["payload"] for message in havoq.messages(protocol="kafka", destination=topic)]


def test_kafka_python_sees_a_fault_set_through_the_fixture(havoq):
    rule = havoq.rule(
        name="no entry", match={"protocol": "kafka", "operation": "Produce", "topic": "orders", "client": "shop"},
        when={"nth": 2}, fault={"error": {"code": "TOPIC_AUTHORIZATION_FAILED"}},
    )
    assert produce(havoq, "orders", ["a", "b", "c"]) == {"b": TopicAuthorizationFailedError.__name__}
    assert stored(havoq, "orders") == ["a", "c"]
    assert (rule.id, rule.fired) == ("no entry", 1)
    assert [(entry["rule"], entry["verdict"]) for entry in havoq.journal()] == [("no entry/request", "fail")]

    rule.remove()
    assert rule.fired == 1 and not rule.enabled
    assert produce(havoq, "orders", ["d"]) == {}
    assert havoq.request("GET", "/api/rules") == []


def test_each_test_has_brokers_that_no_other_has_touched(havoq, havoq_session):
    assert stored(havoq, "*") == []
    assert havoq.journal() == []
    assert havoq.kafka_brokers != havoq_session.kafka_brokers
    assert havoq.owned and havoq_session.owned


def test_pika_sees_a_fault_and_the_heal_after_it(havoq):
    connection = pika.BlockingConnection(pika.URLParameters(havoq.amqp_url))
    channel = connection.channel()
    channel.queue_declare("work", durable=True)
    channel.confirm_delivery()
    with havoq.rule(match={"protocol": "amqp", "routingKey": "work"}, fault={"error": {"code": "nack"}}) as rule:
        with pytest.raises(pika.exceptions.NackError):
            channel.basic_publish("", "work", b"refused")
        rule.until_fired(1, timeout="5s")
    channel.basic_publish("", "work", b"taken")
    havoq.until(queue="work", ready=1, timeout="5s")
    assert [message["payload"] for message in havoq.messages(protocol="amqp")] == ["taken"]
    connection.close()


def test_the_same_seed_loses_the_same_messages():
    def fate(seed):
        with Havoq(seed=seed) as havoq:
            assert havoq.seed == seed
            havoq.rule(match={"protocol": "kafka", "topic": "orders"}, when={"probability": 0.5}, fault="drop")
            produce(havoq, "orders", [str(n) for n in range(40)])
            return stored(havoq, "orders")

    first = fate(7)
    assert 0 < len(first) < 40
    assert fate(7) == first
    assert fate(8) != first


@pytest.mark.havoq(seed=11, brokers=2, config={"kafka": {"default_partitions": 3}})
def test_options_come_by_the_marker_and_brokers_die_and_return(havoq):
    assert havoq.seed == 11
    assert len(havoq.kafka_brokers.split(",")) == 2
    produce(havoq, "orders", ["a"])
    assert len(havoq.request("GET", "/api/kafka/topics/orders")["partitions"]) == 3
    havoq.kill_broker(2)
    assert [broker["id"] for broker in havoq.request("GET", "/api/kafka/brokers") if broker["up"]] == [1]
    havoq.restart_broker(2)
    assert produce(havoq, "orders", ["b"]) == {}


def test_a_day_is_over_at_once(havoq):
    connection = pika.BlockingConnection(pika.URLParameters(havoq.amqp_url))
    channel = connection.channel()
    channel.queue_declare("short", arguments={"x-message-ttl": 24 * 60 * 60 * 1000})
    channel.basic_publish("", "short", b"old")
    havoq.until(queue="short", ready=1)
    before = havoq.request("GET", "/api/clock")["now"]
    havoq.advance("25h")
    assert havoq.request("GET", "/api/clock")["now"] - before >= 25 * 60 * 60 * 1000
    havoq.until(queue="short", ready=0)
    connection.close()


def test_a_snapshot_puts_everything_back(havoq):
    havoq.publish("kafka", topic="orders", payload={"id": 1})
    before = havoq.snapshot()
    havoq.publish("kafka", topic="orders", payload={"id": 2})
    havoq.restore(before)
    consumer = KafkaConsumer("orders", bootstrap_servers=havoq.kafka_brokers, auto_offset_reset="earliest", consumer_timeout_ms=10_000)
    assert next(consumer).value == b'{"id":1}'
    consumer.close()
    assert stored(havoq, "orders") == ['{"id":1}']


def test_the_oracle_tells_what_a_rule_lost(havoq):
    havoq.keep_account()
    havoq.rule(name="lossy", match={"protocol": "kafka", "topic": "orders"}, when={"once": True}, fault="drop")
    produce(havoq, "orders", ["a", "b"])
    assert [finding["kind"] for finding in havoq.oracle()["findings"]] == ["loss"]


def test_a_scenario_runs_and_is_judged(havoq, tmp_path):
    scenario = havoq.scenario({
        "name": "a bad day",
        "steps": [{"apply": {"name": "gone", "match": {"topic": "orders"}, "when": {"times": 1}, "fault": "drop"}}, {"await": {"rule": "gone", "fired": 1}}],
        "expect": [{"state": {"topic": "orders", "records": 1}}],
    })
    assert scenario.status == "running"
    produce(havoq, "orders", ["a", "b"])
    result = scenario.result()
    assert scenario.status != "running"
    assert [step["status"] for step in result["steps"]] == ["done", "done"], result

    file = tmp_path / "flaky.yaml"
    file.write_text("chaos:\n  - name: from a file\n    match: { topic: orders }\n    fault: drop\n")
    havoq.chaos(file)
    assert [rule["id"] for rule in havoq.request("GET", "/api/rules")] == ["from a file"]
    assert havoq.clear() == 1


def test_what_is_wrong_is_told_with_its_place(havoq):
    with pytest.raises(HavoqError) as wrong:
        havoq.rule(match={"topik": "orders"}, fault="drop")
    assert wrong.value.status == 400
    assert wrong.value.did_you_mean == "topic"
    assert "match" in wrong.value.path
    with pytest.raises(WaitTimeout):
        havoq.until(topic="orders", messages=1, timeout=10)
    with pytest.raises(TypeError):
        havoq.kill_broker()
    with pytest.raises(HavoqError):
        havoq.kill_broker(99)


def test_every_method_of_the_control_surface_has_its_name(havoq):
    paths = havoq.request("GET", "/api/openapi.json")["paths"]
    methods = [path.removeprefix("/api/control/") for path in paths if path.startswith("/api/control/")]
    names = ["".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in method) for method in methods]
    assert len(names) > 15
    assert [name for name in names if not callable(getattr(havoq, name, None))] == []


def test_a_journal_is_replayed(tmp_path):
    rule = {"match": {"protocol": "kafka", "topic": "orders"}, "when": {"probability": 0.5}, "fault": "drop"}
    with Havoq(seed=3) as havoq:
        havoq.rule(**rule)
        produce(havoq, "orders", [str(n) for n in range(20)])
        first = stored(havoq, "orders")
        havoq.save_journal(tmp_path / "run.jsonl")
    with Havoq(args=["--replay", str(tmp_path / "run.jsonl")]) as havoq:
        # What a test put in force is in force when it does so again; the journal decides, and nothing is drawn.
        havoq.rule(**rule)
        produce(havoq, "orders", [str(n) for n in range(20)])
        assert stored(havoq, "orders") == first


def test_what_runs_already_is_used_with_its_token(monkeypatch):
    with Havoq(config={"admin": {"token": "secret"}}) as running:
        running.publish("kafka", topic="orders", payload="a")
        with pytest.raises(HavoqError) as refused:
            Havoq.connect(running.admin_url).clear()
        assert refused.value.status == 401
        monkeypatch.setenv("HAVOQ_ADMIN_URL", running.admin_url)
        monkeypatch.setenv("HAVOQ_ADMIN_TOKEN", "secret")
        with Havoq.of_environment() as other:
            assert (other.kafka_brokers, other.seed, other.owned) == (running.kafka_brokers, running.seed, False)
            assert other.env["AMQP_URL"] == running.amqp_url
            other.rule(match={"topic": "orders"}, fault="drop")
        # It goes on.
        assert running.clear() == 1


FAILING = """
def test_that_fails(havoq):
    havoq.rule(name="lossy", match={"topic": "orders"}, fault="drop")
    havoq.publish("kafka", topic="orders", payload="past the rules")
    havoq.kill_broker("mqtt")
    assert False
"""


def test_a_failed_test_tells_the_seed_and_how_to_repeat_it(pytester, monkeypatch):
    monkeypatch.setenv("HAVOQ_SEED", "77")
    pytester.makepyfile(test_shop=FAILING)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([
        "*- havoq -*", "seed 77", "no fault fired", "the same again: HAVOQ_SEED=77 python -m pytest test_shop.py::test_that_fails",
    ])


AROUND = """
def stored(havoq):
    return [message["payload"] for message in havoq.messages()]

def test_one(havoq):
    assert stored(havoq) == ["before"]
    havoq.publish("kafka", topic="orders", payload="mine")
    havoq.rule(match={"topic": "orders"}, fault="drop")

def test_two(havoq, havoq_session):
    assert not havoq.owned
    assert havoq.admin_url == havoq_session.admin_url
    assert stored(havoq) == ["before"]
    assert havoq.request("GET", "/api/rules") == []
"""


def test_within_havoq_exec_the_fixture_puts_its_brokers_back(pytester, havoq, monkeypatch):
    havoq.publish("kafka", topic="orders", payload="before")
    monkeypatch.setenv("HAVOQ_ADMIN_URL", havoq.admin_url)
    pytester.makepyfile(test_shop=AROUND)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=2)


def test_nothing_is_left_behind():
    havoq = Havoq()
    process = havoq._process
    folder, pid = process._folder, process.ready["pid"]
    assert folder.exists()
    havoq.stop()
    havoq.stop()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)

    # Who forgets to stop it, or fails, has it stopped at the end.
    child = subprocess.run(
        [sys.executable, "-c", "from havoq import Havoq; print(Havoq()._process.ready['pid'], flush=True); raise SystemExit(3)"],
        capture_output=True, text=True, timeout=60,
    )
    assert child.returncode == 3, child.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(child.stdout), 0)


def test_a_binary_that_does_not_start_says_why(monkeypatch):
    with pytest.raises(RuntimeError, match="defualt_partitions.*did you mean default_partitions"):
        Havoq(config={"kafka": {"defualt_partitions": 3}})
    monkeypatch.setenv("HAVOQ_BINARY", "/nowhere/havoq")
    with pytest.raises(FileNotFoundError, match="/nowhere/havoq cannot be run"):
        Havoq()
    monkeypatch.delenv("HAVOQ_BINARY")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError, match="set HAVOQ_BINARY"):
        find_binary()
