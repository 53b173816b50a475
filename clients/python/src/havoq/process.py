"""A havoq of one's own: the binary as a child process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Sequence

#: Seconds that the binary may take until all its ports are open.
START_WITHIN = 30.0
#: Seconds that it may take to end.
STOP_WITHIN = 5.0


class Process:
    """``havoq serve`` on free ports; `ready` is what it wrote to its ready file."""

    def __init__(
        self, *, binary: str | os.PathLike[str] | None, seed: int | None, brokers: int | None,
        config: dict[str, Any] | None, plugins: str | os.PathLike[str] | None, args: Sequence[str],
    ):
        program = find_binary(binary)
        # It runs in a folder of its own, so that no havoq.yaml of the project is found by chance.
        self._folder = Path(tempfile.mkdtemp(prefix="havoq-"))
        try:
            command = [
                program, "serve", "--quiet", "--admin", "--ready-file", str(self._folder / "ready.json"),
                *(word for port in ("kafka", "mqtt", "mqtt-websocket", "amqp", "admin") for word in (f"--{port}-port", "0")),
            ]
            if seed is not None:
                command += ["--seed", str(seed)]
            if brokers is not None:
                command += ["--kafka-brokers", str(brokers)]
            if plugins is not None:
                command += ["--plugins", str(Path(plugins).resolve())]
            if config is not None:
                # JSON is YAML.
                (self._folder / "config.yaml").write_text(json.dumps(config))
                command += ["--config", "config.yaml"]
            self._log = open(self._folder / "log", "wb")
            self._child = subprocess.Popen(
                [*command, *args], cwd=self._folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            )
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            self.ready = self._await_ready()
        except BaseException:
            self.stop()
            raise

    @property
    def output(self) -> str:
        """What it has printed, as long as it runs."""
        try:
            return (self._folder / "log").read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _await_ready(self) -> dict[str, Any]:
        file = self._folder / "ready.json"
        deadline = time.monotonic() + START_WITHIN
        # It appears at once and whole.
        while not file.exists():
            code = self._child.poll()
            if code is not None:
                raise RuntimeError(f"havoq ended with exit code {code}\n{self.output}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"havoq was not ready within {START_WITHIN:.0f} s\n{self.output}")
            time.sleep(0.002)
        return json.loads(file.read_text())


def find_binary(given: str | os.PathLike[str] | None = None) -> str:
    """The one given, that of HAVOQ_BINARY, or ``havoq`` on the PATH."""
    name = given or os.environ.get("HAVOQ_BINARY") or None
    found = shutil.which("havoq") if name is None else shutil.which(os.path.abspath(name))
    if found is None:
        where = "set HAVOQ_BINARY, or put havoq on the PATH" if name is None else f"{os.fspath(name)} cannot be run"
        raise FileNotFoundError(f"havoq not found: {where}")
    return found
