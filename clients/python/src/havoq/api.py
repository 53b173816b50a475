"""Requests to havoq's HTTP API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

# The brokers are on this machine or nearby: no proxy stands between.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HavoqError(Exception):
    """What the HTTP API refused, in its own words."""

    def __init__(self, status: int, message: str, path: list[str | int] | None = None, did_you_mean: str | None = None):
        super().__init__(message)
        self.status = status
        #: Where in what was sent, such as ``["match", "topic"]``.
        self.path = path or []
        self.did_you_mean = did_you_mean


class WaitTimeout(HavoqError, TimeoutError):
    """A state was not reached in time."""


class Api:
    def __init__(self, url: str, token: str | None = None):
        self.url = url.rstrip("/")
        self._token = token

    def json(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Sends JSON, answers with what came back; raises `HavoqError`."""
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.bytes(method, path, data, "application/json", query))

    def bytes(
        self, method: str, path: str, data: bytes | None = None, type: str = "application/octet-stream", query: dict[str, Any] | None = None
    ) -> bytes:
        given = {name: value for name, value in (query or {}).items() if value is not None}
        request = urllib.request.Request(f"{self.url}{path}{'?' + urlencode(given) if given else ''}", data=data, method=method)
        if data is not None:
            request.add_header("content-type", type)
        if self._token is not None:
            request.add_header("authorization", f"Bearer {self._token}")
        try:
            # Without a limit: what waits is limited by the brokers' clock.
            with _opener.open(request) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            with error:
                raise _refusal(error.code, error.read()) from None


def _refusal(status: int, body: bytes) -> HavoqError:
    try:
        problem = json.loads(body)
        message = problem["error"]
    except (ValueError, KeyError, TypeError):
        problem, message = {}, f"HTTP {status}: {body[:500].decode(errors='replace')}"
    kind = WaitTimeout if status == 504 else HavoqError
    return kind(status, message, problem.get("path"), problem.get("didYouMean"))
