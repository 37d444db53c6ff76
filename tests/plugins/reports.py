"""What a worker tells of its tests: how each went, and what went wrong around it.

xdist sends six words about each test to the process that prints; half of them only say that nothing
happened. They cost ten seconds of a run.
"""

from __future__ import annotations

import pytest
from _pytest.runner import runtestprotocol


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test and leave out the reports of a setup and a teardown that went well."""
    is_worker = hasattr(item.config, "workerinput")
    if not is_worker or item.config.getoption("durations"):
        return None
    for report in runtestprotocol(item, nextitem=nextitem, log=False):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
