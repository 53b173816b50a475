"""The control surface: what can be done to the brokers, by name."""

from __future__ import annotations

from typing import Any, Literal

#: A Kafka node id, or the whole listener of a protocol.
Broker = int | Literal["mqtt", "amqp"]
#: ``"45s"``, or milliseconds.
Duration = str | int | float


class Control:
    """A connection filter is given by keywords: protocol, client, user, broker, transport, id; `*` and `?` in texts."""

    def request(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        raise NotImplementedError

    def control(self, method: str, **args: Any) -> Any:
        """Any method by the name that it has in the HTTP API: ``control("electLeader", topic="orders", partition=0)``."""
        given = {name: value for name, value in args.items() if value is not None}
        return self.request("POST", f"/api/control/{method}", given)["result"]

    # --- brokers

    def kill_broker(self, broker: Broker) -> None:
        """It goes away, its connections are reset."""
        self.control("killBroker", broker=broker)

    def restart_broker(self, broker: Broker) -> None:
        self.control("restartBroker", broker=broker)

    def crash_broker(self, broker: Broker, *, records: int | None = None, ms: Duration | None = None, unclean: bool | None = None) -> int:
        """It goes away without what it had not written to its disk; how many messages are lost."""
        return self.control("crashBroker", broker=broker, records=records, ms=ms, unclean=unclean)

    def pause_broker(self, broker: Broker) -> None:
        """It stops answering without closing anything."""
        self.control("pauseBroker", broker=broker)

    def resume_broker(self, broker: Broker) -> None:
        self.control("resumeBroker", broker=broker)

    # --- connections

    def disconnect(self, *, reset: bool = False, **filter: Any) -> int:
        return self.request("POST", "/api/connections/disconnect", {**filter, "reset": reset})["connections"]

    def block(self, **filter: Any) -> int:
        """Neither reads from these connections nor writes to them, until `unblock`."""
        return self.request("POST", "/api/connections/block", filter)["connections"]

    def unblock(self, **filter: Any) -> int:
        return self.request("POST", "/api/connections/unblock", filter)["connections"]

    def partition(self, *, direction: Literal["in", "out", "both"] = "both", **filter: Any) -> int:
        """What these clients send no longer arrives, or what is sent to them, until `heal`."""
        return self.control("partition", filter=filter, direction=direction)

    def heal(self, **filter: Any) -> int:
        """Ends the partitions with this filter, or all."""
        return self.control("heal", filter=filter or None)

    def redeliver(self, **filter: Any) -> int:
        """What these clients hold unacknowledged is delivered again."""
        return self.control("redeliver", filter=filter)

    # --- Kafka

    def elect_leader(self, topic: str, partition: int, broker: int | None = None) -> int:
        return self.control("electLeader", topic=topic, partition=partition, broker=broker)

    def move_partition(self, topic: str, partition: int, broker: int | None = None) -> int:
        return self.control("movePartition", topic=topic, partition=partition, broker=broker)

    def freeze_metadata(self, topic: str | list[str]) -> int:
        return self.control("freezeMetadata", topic=topic)

    def refresh_metadata(self, topic: str | list[str]) -> int:
        return self.control("refreshMetadata", topic=topic)

    def move_coordinator(self, group: str, broker: int | None = None) -> int:
        return self.control("moveCoordinator", group=group, broker=broker)

    def rebalance(self, group: str) -> bool:
        return self.control("rebalance", group=group)

    def expel_member(self, group: str, member_id: str) -> bool:
        return self.control("expelMember", group=group, memberId=member_id)

    # --- MQTT and AMQP

    def expire_session(self, client_id: str) -> bool:
        return self.control("expireSession", clientId=client_id)

    def raise_alarm(self) -> None:
        """AMQP publishers wait, as when a broker is low on memory."""
        self.control("raiseAlarm")

    def clear_alarm(self) -> None:
        self.control("clearAlarm")

    # --- time

    def advance(self, by: Duration) -> None:
        """Moves the brokers' time on: everything that was due on the way has happened."""
        self.control("advance", ms=by)
