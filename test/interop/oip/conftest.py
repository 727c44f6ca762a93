"""What the cases share: the addresses of the server, clients of both transports, a report that vitest reads."""

import json
import os

import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

PORTS = json.loads(os.environ["PENSTOCK_PORTS"])
MODULES = {"http": tritonclient.http, "grpc": tritonclient.grpc}
TRANSPORTS = ["http"] + (["grpc"] if PORTS["grpc"] else [])


class Peer:
    """One transport: its module, and a client of it."""

    def __init__(self, transport):
        self.transport = transport
        self.module = MODULES[transport]
        self.address = f"127.0.0.1:{PORTS[transport]}"
        options = {"concurrency": 4} if transport == "http" else {}
        self.client = self.module.InferenceServerClient(self.address, **options)

    def input(self, name, array, binary=True, datatype=None):
        kind = datatype or tritonclient.http.np_to_triton_dtype(array.dtype)
        tensor = self.module.InferInput(name, list(array.shape), kind)
        if self.transport == "http":
            tensor.set_data_from_numpy(array, binary_data=binary)
        else:
            tensor.set_data_from_numpy(array)
        return tensor

    def output(self, name, binary=True, **options):
        if self.transport == "http":
            options["binary_data"] = binary
        return self.module.InferRequestedOutput(name, **options)

    def metadata(self, model, version=""):
        options = {} if self.transport == "http" else {"as_json": True}
        return self.client.get_model_metadata(model, version, **options)

    def names(self, model):
        """Of the first input and output."""
        found = self.metadata(model)
        return found["inputs"][0]["name"], found["outputs"][0]["name"]

    def answer(self, result):
        """The response as plain objects."""
        return result.get_response() if self.transport == "http" else result.get_response(as_json=True)


@pytest.fixture(scope="session", params=TRANSPORTS)
def peer(request):
    found = Peer(request.param)
    yield found
    found.client.close()


@pytest.fixture(scope="session")
def http():
    found = Peer("http")
    yield found
    found.client.close()


@pytest.fixture
def ports():
    return PORTS


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and report.outcome == "passed":
        return
    text = report.longreprtext
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        text = report.longrepr[2]
    name = f"{item.module.__name__}: {item.name}"
    with open(os.environ["PENSTOCK_REPORT"], "a") as file:
        file.write(json.dumps({"name": name, "outcome": report.outcome, "text": text}) + "\n")
