"""What the cases share: where the servers are, and a report that vitest reads."""

import json
import os

import pytest


@pytest.fixture(scope="session")
def mlflow_port():
    return int(os.environ["MLFLOW_PORT"])


@pytest.fixture(scope="session")
def sagemaker_url():
    return os.environ["SAGEMAKER_URL"]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and report.outcome == "passed":
        return
    with open(os.environ["PENSTOCK_REPORT"], "a") as file:
        line = {"name": item.name, "outcome": report.outcome, "text": report.longreprtext}
        file.write(json.dumps(line) + "\n")
