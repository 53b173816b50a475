"""Reports each test as a case to tests/clients/program.ts."""

import json

pytest_plugins = ["pytester"]

_failed: dict[str, str] = {}
_config = None


def pytest_configure(config):
    global _config
    _config = config


def pytest_runtest_logreport(report):
    if report.failed:
        _failed[report.nodeid] = report.longreprtext
    if report.when != "teardown":
        return
    name = report.nodeid.split("::", 1)[1].removeprefix("test_").replace("_", " ")
    line = {"case": name, "ok": report.nodeid not in _failed, "detail": _failed.get(report.nodeid, "")}
    terminal = _config.pluginmanager.get_plugin("terminalreporter")
    # It stands after a progress dot, which has no end of its line.
    terminal.write_line("\n" + json.dumps(line))
