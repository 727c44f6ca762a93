"""KServe's own inference clients, in a process of their own: its descriptors and tritonclient's cannot live in one."""

import subprocess
import sys

import pytest

from conftest import PORTS

PREAMBLE = """
import asyncio, sys
import numpy as np
from kserve import InferInput, InferRequest, InferenceGRPCClient, InferenceRESTClient
from kserve.inference_client import RESTConfig
http, grpc = sys.argv[1], sys.argv[2]

def request(binary):
    tensor = InferInput("x", [2, 3], "FP32")
    tensor.set_data_from_numpy(np.arange(6, dtype=np.float32).reshape(2, 3), binary_data=binary)
    return InferRequest(model_name="add-one", infer_inputs=[tensor], request_id="k")

def check(response):
    assert response.id == "k", response.id
    assert (response.outputs[0].as_numpy().reshape(2, 3) == np.arange(6).reshape(2, 3) + 1).all()
"""

REST = """
async def ask():
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    url = f"http://127.0.0.1:{http}"
    assert await client.is_server_live(url) and await client.is_server_ready(url)
    assert await client.is_model_ready(url, "add-one")
    for binary in (False, True):
        check(await client.infer(url, request(binary), model_name="add-one"))
    await client.close()
asyncio.run(ask())
"""

GRPC = """
async def ask():
    client = InferenceGRPCClient(f"127.0.0.1:{grpc}")
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready("add-one")
    check(await client.infer(request(True)))
    await client.close()
asyncio.run(ask())
"""


@pytest.mark.parametrize("program", [REST, GRPC], ids=["http", "grpc"])
def test_kserve_client(program):
    command = [sys.executable, "-c", PREAMBLE + program, str(PORTS["http"]), str(PORTS["grpc"])]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
