"""Starts and drives havoq from Python tests.

    from havoq import Havoq

    with Havoq(seed=7) as havoq:
        lost = havoq.rule(match={"operation": "Produce"}, when={"nth": 2}, fault={"lose-answer": {"cut": True}})
        ...                                  # clients connect to havoq.kafka_brokers
        assert lost.fired == 1

With pytest: the fixtures `havoq` (one for each test) and `havoq_session`.
"""

from .api import HavoqError, WaitTimeout
from .client import Havoq, Rule, Scenario

__all__ = ["Havoq", "HavoqError", "Rule", "Scenario", "WaitTimeout"]
