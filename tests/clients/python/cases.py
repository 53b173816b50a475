"""Runs the cases of one client program; each is reported as one line of JSON."""

import asyncio
import inspect
import json
import os
import sys
import time
import traceback
import uuid

BROKERS = os.environ.get("KAFKA_BROKERS", "")
MQTT_URL = os.environ.get("MQTT_URL", "")
AMQP_URL = os.environ.get("AMQP_URL", "")

_cases = []


def case(name):
    """Marks a function (async or not) as a case; what it returns becomes the detail."""

    def register(function):
        _cases.append((name, function))
        return function

    return register


def main():
    """Runs all cases, or those whose name contains one of the arguments."""
    wanted = sys.argv[1:]
    failed = False
    for name, function in _cases:
        if wanted and not any(part in name for part in wanted):
            continue
        started = time.monotonic()
        try:
            detail = asyncio.run(function()) if inspect.iscoroutinefunction(function) else function()
            ok = True
        except Exception as error:
            traceback.print_exc()
            detail, ok = f"{type(error).__name__}: {error}", False
        failed |= not ok
        seconds = f"{time.monotonic() - started:.1f} s"
        print(json.dumps({"case": name, "ok": ok, "detail": f"{detail} ({seconds})" if detail else seconds}), flush=True)
    os._exit(1 if failed else 0)  # a client's background threads must not hold the program back


def unique(name):
    """A name that no other run uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def equal(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: expected {_short(expected)}, got {_short(actual)}")


def raises(error_type, function):
    """The error that the function must throw."""
    try:
        function()
    except error_type as error:
        return error
    raise AssertionError(f"expected {error_type.__name__}")


def until(done, what, seconds=20):
    """Calls `done` until it answers true."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"timed out: {what}")
        time.sleep(0.01)


def _short(value):
    text = repr(value)
    return text if len(text) < 300 else f"{text[:300]}… ({len(text)} characters)"
