"""perf_analyzer of NVIDIA: it must end with 0 and find as many inferences at the server as at the client."""

import os
import re
import subprocess

import pytest

from conftest import PORTS, TRANSPORTS

LOADS = {
    "closed loop": ["--concurrency-range", "1:4:3"],
    "batches of four": ["-b", "4", "--concurrency-range", "2"],
    "asynchronous": ["--async", "--concurrency-range", "8"],
    "open loop, Poisson": ["--request-rate-range", "300:600:300", "--request-distribution", "poisson"],
    "JSON": ["--input-tensor-format", "json", "--output-tensor-format", "json", "--concurrency-range", "2"],
    "shared memory": ["--shared-memory", "system", "--output-shared-memory-size", "64", "--concurrency-range", "2"],
    "streaming": ["--streaming", "--async", "--concurrency-range", "4"],
    "a pipeline": ["-m", "chain", "--concurrency-range", "2"],
}
ONLY = {"JSON": "http", "streaming": "grpc"}
CASES = [(transport, load) for transport in TRANSPORTS for load in LOADS if ONLY.get(load, transport) == transport]


@pytest.mark.parametrize("transport,load", CASES)
def test_perf_analyzer(transport, load):
    options = LOADS[load]
    model = [] if "-m" in options else ["-m", "fraud"]
    # Stability is the machine's affair: one short window is enough to see that both sides count the same.
    window = ["-p", "400", "-s", "999", "--max-threads", "4"]
    address = ["-u", f"127.0.0.1:{PORTS[transport]}", "-i", transport]
    preload = os.environ["PERF_ANALYZER_PRELOAD"]
    environment = {**os.environ, **({"LD_PRELOAD": preload} if preload else {})}
    ended = subprocess.run(
        [os.environ["PERF_ANALYZER"], *model, *address, *window, *options],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )
    if "Cannot open CUDA runtime library" in ended.stderr:
        pytest.skip("perf_analyzer wants a CUDA runtime for shared memory of any kind")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rates = [float(rate) for rate in re.findall(r"Throughput: ([\d.]+) infer/sec", ended.stdout)]
    assert rates and min(rates) > 50, ended.stdout
    asked = [int(count) for count in re.findall(r"Request count: (\d+)", ended.stdout)]
    counted = [int(count) for count in re.findall(r"Successful request count: (\d+)", ended.stdout)]
    assert len(asked) == len(counted)
    for client, server in zip(asked, counted):
        # Requests that were on the way when a window began or ended are counted by one side only.
        assert abs(client - server) <= 16 + client // 20, ended.stdout
