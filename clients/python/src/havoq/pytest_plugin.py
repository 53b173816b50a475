"""Fixtures for pytest: `havoq` for each test, `havoq_session` for all of a session.

Under ``havoq exec``, or wherever else HAVOQ_ADMIN_URL is set, they are the brokers that run there: before each test
that uses `havoq` they are put back to how they were when the session began, without the rules that tests added.
A failed test tells the seed, the faults that fired, and the line that repeats it.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from typing import Any, Iterator

import pytest

from .api import HavoqError
from .client import Havoq


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "havoq(**options): options of Havoq for this test, such as seed=7 or brokers=3")


@pytest.fixture(scope="session")
def havoq_options() -> dict[str, Any]:
    """Options of every Havoq that is started; define it anew in a conftest.py."""
    return {}


@pytest.fixture(scope="session")
def _havoq_around() -> Iterator[tuple[Havoq, bytes] | None]:
    """The brokers at HAVOQ_ADMIN_URL, and what was in them when the session began."""
    if not os.environ.get("HAVOQ_ADMIN_URL"):
        yield None
        return
    with Havoq.of_environment() as havoq:
        yield havoq, havoq.snapshot()


@pytest.fixture(scope="session")
def havoq_session(_havoq_around: tuple[Havoq, bytes] | None, havoq_options: dict[str, Any]) -> Iterator[Havoq]:
    """Brokers for all tests of the session that use this fixture."""
    if _havoq_around is not None:
        yield _havoq_around[0]
        return
    with Havoq(**havoq_options) as havoq:
        yield havoq


@pytest.fixture
def havoq(request: pytest.FixtureRequest, _havoq_around: tuple[Havoq, bytes] | None, havoq_options: dict[str, Any]) -> Iterator[Havoq]:
    """Brokers that no other test has touched. ``@pytest.mark.havoq(seed=7)`` gives options, and a process of its own."""
    options = dict(havoq_options)
    for marker in reversed(list(request.node.iter_markers("havoq"))):
        options.update(marker.kwargs)
    if _havoq_around is None or options:
        with Havoq(**options) as havoq:
            yield havoq
        return
    havoq, before = _havoq_around
    havoq.restore(before)
    yield havoq
    havoq.request("DELETE", "/api/rules", source="api")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome = yield
    report = outcome.get_result()
    if not report.failed or call.when == "teardown":
        return
    used: dict[int, Havoq] = {id(one): one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Havoq)}
    for one in used.values():
        report.sections.append(("havoq", _account(one, item)))


def _account(havoq: Havoq, item: pytest.Item) -> str:
    lines = [f"seed {havoq.seed}"]
    try:
        fired = Counter((entry["rule"], entry.get("verdict") or entry.get("action")) for entry in havoq.journal())
        lines += [f"{count} × {rule}: {what}" for (rule, what), count in fired.items()] or ["no fault fired"]
    except (HavoqError, OSError) as error:
        lines.append(f"it does not answer any more: {error}")
    command = f"python -m pytest {shlex.quote(item.nodeid)}"
    lines.append(f"the same again: HAVOQ_SEED={havoq.seed} {command if havoq.owned else 'havoq exec … -- ' + command}")
    if havoq.output.strip():
        lines += ["it printed:", havoq.output.rstrip()[-4000:]]
    return "\n".join(lines)
