"""Brokers for a test: started, or already there."""

from __future__ import annotations

import atexit
import json
import os
from pathlib import Path
from typing import Any, Sequence
from urllib.parse import quote

from .api import Api
from .control import Control, Duration
from .process import Process


class Havoq(Control):
    """Kafka, MQTT and AMQP on free ports, as a child process, until `stop` or the end of ``with``.

    Where HAVOQ_ADMIN_URL is set, as ``havoq exec`` does, `Havoq.of_environment` takes the brokers that run there.
    """

    def __init__(
        self, *,
        seed: int | None = None,
        brokers: int | None = None,
        config: dict[str, Any] | None = None,
        plugins: str | os.PathLike[str] | None = None,
        binary: str | os.PathLike[str] | None = None,
        token: str | None = None,
        args: Sequence[str] = (),
    ):
        """
        seed: of all random draws; else that of HAVOQ_SEED, or a fresh one.
        brokers: how many Kafka brokers.
        config: what a havoq.yaml may hold.
        plugins: a folder of plugins.
        binary: else that of HAVOQ_BINARY, or ``havoq`` on the PATH.
        token: where the configuration asks for one; else HAVOQ_ADMIN_TOKEN, which havoq itself reads too.
        args: more arguments of ``havoq serve``.
        """
        self._process: Process | None = Process(binary=binary, seed=seed, brokers=brokers, config=config, plugins=plugins, args=args)
        atexit.register(self.stop)
        ready = self._process.ready
        if token is None:
            token = ((config or {}).get("admin") or {}).get("token")
        self._attach(f"http://{_host(ready['admin']['host'])}:{ready['admin']['port']}", token, ready)

    @classmethod
    def connect(cls, url: str, token: str | None = None) -> Havoq:
        """Brokers that run already, by the address of their HTTP API. They go on when this is stopped."""
        self = cls.__new__(cls)
        self._process = None
        self._attach(url, token, None)
        return self

    @classmethod
    def of_environment(cls) -> Havoq:
        """The brokers at HAVOQ_ADMIN_URL, where it is set; else some of one's own."""
        url = os.environ.get("HAVOQ_ADMIN_URL")
        return cls.connect(url) if url else cls()

    def _attach(self, url: str, token: str | None, status: dict[str, Any] | None) -> None:
        self._api = Api(url, token or os.environ.get("HAVOQ_ADMIN_TOKEN") or None)
        status = status or self.status()
        #: The HTTP API.
        self.admin_url: str = self._api.url
        #: Of all random draws: the same seed, the same fate.
        self.seed: int = status["seed"]
        kafka, mqtt, amqp = (status[protocol] for protocol in ("kafka", "mqtt", "amqp"))
        #: ``host:port,…`` for ``bootstrap.servers``; empty where Kafka is off, as the others below.
        self.kafka_brokers: str = ",".join(f"{_host(kafka['host'])}:{port}" for port in kafka["ports"]) if kafka else ""
        self.mqtt_host, self.mqtt_port = (_host(mqtt["host"]), mqtt["port"]) if mqtt else ("", 0)
        self.mqtt_url: str = f"mqtt://{self.mqtt_host}:{self.mqtt_port}" if mqtt else ""
        self.mqtt_ws_url: str = f"ws://{self.mqtt_host}:{mqtt['websocketPort']}" if mqtt else ""
        # The vhost is spelled out: a bare "/" means vhost "/" to some clients and vhost "" to others.
        self.amqp_url: str = f"amqp://guest:guest@{_host(amqp['host'])}:{amqp['port']}/%2F" if amqp else ""

    @property
    def env(self) -> dict[str, str]:
        """The same as ``havoq exec`` sets: for processes that a test starts."""
        return {
            "HAVOQ_SEED": str(self.seed), "HAVOQ_ADMIN_URL": self.admin_url,
            "KAFKA_BROKERS": self.kafka_brokers, "MQTT_URL": self.mqtt_url, "AMQP_URL": self.amqp_url,
        }

    @property
    def owned(self) -> bool:
        """It was started here, and ends with `stop`."""
        return self._process is not None

    @property
    def output(self) -> str:
        """What the child process has printed."""
        return "" if self._process is None else self._process.output

    def stop(self) -> None:
        """Ends the brokers if they were started here; a second time nothing happens."""
        process, self._process = self._process, None
        if process is not None:
            atexit.unregister(self.stop)
            process.stop()

    def __enter__(self) -> Havoq:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Any request to the HTTP API (``/api/openapi.json`` tells which there are): JSON there and back."""
        return self._api.json(method, path, body, query)

    def status(self) -> dict[str, Any]:
        return self.request("GET", "/api/status")

    # --- rules

    def rule(self, **rule: Any) -> Rule:
        """Puts a rule in force: match, when, fault or preset, name; ``for_`` stands for ``for``.

            havoq.rule(match={"topic": "orders"}, when={"times": 1}, fault={"error": {"code": "NOT_LEADER_OR_FOLLOWER"}})
        """
        return self.rules({key.removesuffix("_"): value for key, value in rule.items()})[0]

    def rules(self, *rules: dict[str, Any]) -> list[Rule]:
        """Puts rules in force, all or none."""
        return [Rule(self, status) for status in self.request("POST", "/api/rules", list(rules))]

    def clear(self) -> int:
        """Removes all rules but those of plugins; how many."""
        return self.request("DELETE", "/api/rules")["removed"]

    # --- scenarios

    def scenario(self, scenario: dict[str, Any]) -> Scenario:
        """Begins a scenario: steps, converge, expect."""
        return Scenario(self, self.request("POST", "/api/scenarios", scenario)["id"])

    def chaos(self, file: str | os.PathLike[str]) -> None:
        """Puts the rules of a chaos file in force and begins its scenarios."""
        path = Path(file)
        self.request("POST", "/api/scenarios/file", {"name": path.name, "text": path.read_text()})

    # --- waiting, messages, findings

    def until(self, *, timeout: Duration | None = None, **state: Any) -> float:
        """Waits for a state, such as ``group="g", is_="stable"``, ``topic="t", messages=3``, ``queue="q", ready=0``,
        ``connections={"client": "c"}, count=1``, ``session="c", connected=True``, ``fired="rule", times=2``.
        Answers with the milliseconds it took; raises `WaitTimeout` after `timeout` (30s) of the brokers' clock."""
        body = {key.removesuffix("_"): value for key, value in state.items()}
        if timeout is not None:
            body["timeout"] = timeout
        return self.request("POST", "/api/await", body)["waitedMs"]

    def publish(self, protocol: str, **message: Any) -> None:
        """Puts a message on a topic or exchange: ``publish("kafka", topic="orders", payload={"id": 1})``."""
        self.request("POST", "/api/messages", {"protocol": protocol, **message})

    def messages(self, **wanted: Any) -> list[dict[str, Any]]:
        """Messages that lie in topics and queues, by protocol, destination, text, key, header, limit."""
        return self.request("GET", "/api/messages/search", **wanted)["messages"]

    def connections(self, **filter: Any) -> list[dict[str, Any]]:
        return self.request("GET", "/api/connections", **filter)

    def journal(self, *, rule: str | None = None, after: int | None = None) -> list[dict[str, Any]]:
        """Every verdict that fired and what was done to the brokers, oldest first."""
        lines = self._api.bytes("GET", "/api/journal", query={"rule": rule, "after": after}).splitlines()
        return [entry for entry in map(json.loads, lines) if "n" in entry]

    def save_journal(self, file: str | os.PathLike[str]) -> None:
        """What ``havoq serve --replay FILE`` plays again."""
        Path(file).write_bytes(self._api.bytes("GET", "/api/journal"))

    def keep_account(self) -> None:
        """Lets the oracle keep account of every message from now on."""
        self.request("POST", "/api/oracle")

    def oracle(self) -> dict[str, Any]:
        """What became of every message: loss, duplicates, order, leftovers."""
        return self.request("GET", "/api/oracle")

    def snapshot(self) -> bytes:
        """The state of all brokers."""
        return self._api.bytes("GET", "/api/snapshot")

    def restore(self, snapshot: bytes) -> None:
        """Puts a snapshot in the place of all state; every connection is reset."""
        self._api.bytes("PUT", "/api/snapshot", snapshot, "application/msgpack")


class Rule:
    """A rule in force; with ``with`` it is removed at the end."""

    def __init__(self, havoq: Havoq, status: dict[str, Any]):
        self.id: str = status["id"]
        self._havoq = havoq
        self._last: dict[str, Any] | None = None

    def status(self) -> dict[str, Any]:
        """As it is now, or as it was when it was removed."""
        return self._last or self._havoq.request("GET", self._path)

    @property
    def fired(self) -> int:
        """How often it fired."""
        return self.status()["fired"]

    @property
    def matched(self) -> int:
        """How many events its match admitted."""
        return self.status()["matched"]

    @property
    def enabled(self) -> bool:
        return self.status()["enabled"]

    @enabled.setter
    def enabled(self, enabled: bool) -> None:
        self._havoq.request("PATCH", self._path, {"enabled": enabled})

    def until_fired(self, times: int = 1, timeout: Duration | None = None) -> None:
        self._havoq.until(fired=self.id, times=times, timeout=timeout)

    def remove(self) -> None:
        """What its fault did to the brokers is taken back."""
        if self._last is None:
            last = self.status()
            self._havoq.request("DELETE", self._path)
            self._last = {**last, "enabled": False}

    @property
    def _path(self) -> str:
        return f"/api/rules/{quote(self.id, safe='')}"

    def __enter__(self) -> Rule:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Rule {self.id}>"


class Scenario:
    """A scenario that runs, or ran."""

    def __init__(self, havoq: Havoq, id: str):
        self.id = id
        self._havoq = havoq

    @property
    def status(self) -> str:
        return self._havoq.request("GET", self._path)["status"]

    def result(self) -> dict[str, Any]:
        """Waits for the end: ``passed``, ``steps``, ``expectations``, ``rules``, ``healedMs``."""
        return self._havoq.request("GET", self._path, wait="true")["result"]

    def stop(self) -> None:
        """Ends it, without a judgement; what it did is healed."""
        self._havoq.request("DELETE", self._path)

    @property
    def _path(self) -> str:
        return f"/api/scenarios/{quote(self.id, safe='')}"


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host
