"""Requests as MLServer's codecs write them, over HTTP and gRPC, in a process of an environment of their own."""

import os
import subprocess

import pytest

from conftest import PORTS

PREAMBLE = """
import sys, urllib.request, urllib.error
import grpc
import numpy as np
import pandas as pd
from mlserver.codecs import Base64Codec, DatetimeCodec, NumpyCodec, NumpyRequestCodec, PandasCodec, StringCodec, StringRequestCodec
from mlserver.codecs.base import find_input_codec, find_request_codec
from mlserver.codecs.json import encode_to_json_bytes
from mlserver.grpc.converters import ModelInferRequestConverter
from mlserver.grpc.dataplane_pb2_grpc import GRPCInferenceServiceStub
from mlserver.types import InferenceRequest, InferenceResponse, Parameters, RequestOutput

http, rpc = sys.argv[1], sys.argv[2]

class Refused(Exception):
    pass

def over_http(model, request):
    # Once without the members that are not there, as MLServer writes them, and once with null for them, as pydantic does.
    for unset in (True, False):
        dumped = request.model_dump(exclude_unset=unset, exclude_none=unset)
        call = urllib.request.Request(f"http://127.0.0.1:{http}/v2/models/{model}/infer", encode_to_json_bytes(dumped))
        try:
            with urllib.request.urlopen(call) as answer:
                response = InferenceResponse.model_validate_json(answer.read())
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode())
    return response

def over_grpc(model, request):
    message = ModelInferRequestConverter.from_types(request, model_name=model, model_version="")
    with grpc.insecure_channel(f"127.0.0.1:{rpc}") as channel:
        try:
            return GRPCInferenceServiceStub(channel).ModelInfer(message)
        except grpc.RpcError as error:
            raise Refused(error.details())

def typed(answer):
    # A gRPC answer as MLServer's own types have it: its converter reads typed contents only.
    if isinstance(answer, InferenceResponse):
        return answer
    outputs = []
    for index, output in enumerate(answer.outputs):
        raw, parameters = answer.raw_output_contents[index], {key: value.string_param for key, value in output.parameters.items()}
        if output.datatype == "BYTES":
            data, at = [], 0
            while at < len(raw):
                length = int.from_bytes(raw[at : at + 4], "little")
                data.append(raw[at + 4 : at + 4 + length].decode())
                at += 4 + length
        else:
            data = np.frombuffer(raw, {"FP32": np.float32, "INT64": np.int64}[output.datatype]).tolist()
        outputs.append(dict(name=output.name, datatype=output.datatype, shape=list(output.shape), data=data, parameters=parameters))
    parameters = {key: value.string_param for key, value in answer.parameters.items()}
    return InferenceResponse.model_validate(dict(model_name=answer.model_name, outputs=outputs, parameters=parameters))

def by_its_type(answer):
    # Decoded by the codec that the answer itself names, as MLServer's helpers do.
    answer = typed(answer)
    return find_request_codec(answer.parameters.content_type).decode_response(answer)

def floats(answer, name, dtype=np.float32):
    if isinstance(answer, InferenceResponse):
        output = next(each for each in answer.outputs if each.name == name)
        return NumpyCodec.decode_output(output).astype(dtype)
    index = next(i for i, each in enumerate(answer.outputs) if each.name == name)
    return np.frombuffer(answer.raw_output_contents[index], dtype).reshape(list(answer.outputs[index].shape))

def refuses(words, ask, *arguments):
    try:
        ask(*arguments)
    except Refused as refused:
        assert words in str(refused), refused
    else:
        raise AssertionError("answered")
"""

CASES = {
    "numpy": """
# A request codec names its one input itself, and float64 is numpy's own dtype.
for ask in (over_http, over_grpc):
    for rows in (np.array([[1.0, 2.0, 3.0]]), np.array([[1, 2, 3], [4, 5, 6]]), np.array([[1, 2, 3]], np.float32)):
        answer = ask("add-one", NumpyRequestCodec.encode_request(rows))
        assert (floats(answer, "y") == rows + 1).all(), answer
    big = NumpyRequestCodec.encode_request(np.array([[1, 2**40, 3]]))
    refuses("1099511627776", ask, "identity-int32", big)
    answer = ask("add-one", NumpyRequestCodec.encode_request(np.array([[1.0, 2.0, 3.0]])))
    # One value a row: [n] becomes [n, 1].
    inputs = [NumpyCodec.encode_input("x", np.array([[1.0, 2.0], [3.0, 4.0]])), NumpyCodec.encode_input("scale", np.array([2, 20]))]
    answer = ask("mixed-dtypes", InferenceRequest(inputs=inputs))
    assert (floats(answer, "y", np.float64) == [[2, 4], [60, 80]]).all()
""",
    "numpy-nan": """
answer = over_http("identity-float32", NumpyRequestCodec.encode_request(np.array([[1.0, np.nan, 3.0]])))
assert np.isnan(floats(answer, "y")[0, 1]) and floats(answer, "y")[0, 2] == 3
""",
    "pandas": """
frame = pd.DataFrame({"age": [30.0, 30.0], "fare": [10.5, 10.5], "embarked": ["S", "S"], "sex": ["male", "female"]})
for ask, use_bytes in ((over_http, False), (over_grpc, True)):
    answer = ask("titanic", PandasCodec.encode_request(frame, use_bytes=use_bytes))
    scores = floats(answer, "probabilities")
    assert np.allclose(scores[0], [0.98476, 0.01524], atol=1e-5), scores
    assert scores.shape == (2, 2) and scores[1, 1] > 0.5
whole = PandasCodec.encode_request(frame.assign(age=[30, 30]), use_bytes=False)
assert np.allclose(floats(over_http("titanic", whole), "probabilities")[0], [0.98476, 0.01524], atol=1e-5)
gap = PandasCodec.encode_request(frame.assign(age=[30.0, np.nan]), use_bytes=False)
scores = floats(over_http("titanic", gap), "probabilities")
assert np.allclose(scores[0], [0.98476, 0.01524], atol=1e-5) and np.isfinite(scores).all()
""",
    "pandas-columns": """
frame = pd.DataFrame({"a": [1.0, 4.0], "b": [2, 5], "c": [True, False]})
for ask in (over_http, over_grpc):
    answer = ask("add-one", PandasCodec.encode_request(frame))
    assert (floats(answer, "y") == [[2, 3, 2], [5, 6, 1]]).all(), answer
    refuses("3", ask, "add-one", PandasCodec.encode_request(frame[["a", "b"]]))
""",
    "strings": """
for ask, use_bytes in ((over_http, False), (over_grpc, True)):
    request = InferenceRequest(inputs=[StringCodec.encode_input("label", ["abc", "b"], use_bytes=use_bytes)])
    answer = ask("upper-string", request)
    if ask is over_http:
        assert StringCodec.decode_output(answer.outputs[0]) == ["ABC", "B"], answer
        assert answer.outputs[0].shape == [2]
""",
    "answers-by-their-type": """
frame = pd.DataFrame({"age": [30.0, 30.0], "fare": [10.5, 10.5], "embarked": ["S", "S"], "sex": ["male", "female"]})
for ask, use_bytes in ((over_http, False), (over_grpc, True)):
    request = PandasCodec.encode_request(frame, use_bytes=use_bytes)
    # Two probabilities a row are no column of a data frame.
    assert getattr(typed(ask("titanic", request)).parameters, "content_type", None) is None
    request.outputs = [RequestOutput(name="label")]
    decoded = by_its_type(ask("titanic", request))
    assert isinstance(decoded, pd.DataFrame) and decoded["label"].tolist() == [0, 1], decoded
    decoded = by_its_type(ask("add-one", NumpyRequestCodec.encode_request(np.array([[1.0, 2.0, 3.0]]))))
    assert (decoded == [[2, 3, 4]]).all()
    request = StringRequestCodec.encode_request(["abc", "d"], use_bytes=use_bytes)
    request.inputs[0].name = "label"
    assert by_its_type(ask("upper-string", request)) == ["ABC", "D"]
    # Texts in, numbers out: no codec of texts could decode them, so that none is named.
    request = InferenceRequest(inputs=[NumpyCodec.encode_input("x", np.array([[1.0, 2.0, 3.0]]))], parameters=Parameters(content_type="str"))
    assert getattr(typed(ask("add-one", request)).parameters, "content_type", None) is None
""",
    "wanted-outputs": """
def wanted(kind):
    return [RequestOutput(name=NAME, parameters=Parameters(content_type=kind))]
NAME = OUTPUT = "upper"
import json
with urllib.request.urlopen(f"http://127.0.0.1:{http}/v2/models/upper-string") as answer:
    NAME = json.loads(answer.read())["outputs"][0]["name"]
for ask, use_bytes in ((over_http, False), (over_grpc, True)):
    for kind, expected in (("base64", [b"ABC", b"D"]), ("str", ["ABC", "D"])):
        inputs = [StringCodec.encode_input("label", ["abc", "d"], use_bytes=use_bytes)]
        output = typed(ask("upper-string", InferenceRequest(inputs=inputs, outputs=wanted(kind)))).outputs[0]
        assert output.parameters.content_type == kind, output
        assert find_input_codec(output.parameters.content_type).decode_output(output) == expected, output
    for kind in ("datetime", "hg_jsonlist"):
        refuses(kind, ask, "upper-string", InferenceRequest(inputs=inputs, outputs=wanted(kind)))
    refuses("FP32", ask, "add-one", InferenceRequest(inputs=[NumpyCodec.encode_input("x", np.array([[1.0, 2.0, 3.0]]))], outputs=[RequestOutput(name="y", parameters=Parameters(content_type="base64"))]))
""",
    "objects": """
# As mlserver-huggingface writes lists of objects; its package pulls transformers in, so that the tensor is written here.
from mlserver.types import RequestInput
for ask in (over_http, over_grpc):
    for kind in ("hg_json", "hg_jsonlist", "hg_conversation", "pillow_image", "raw"):
        tensor = RequestInput(name="label", datatype="BYTES", shape=[1, 1], data=[b'{"a": 1}'] if ask is over_grpc else ['{"a": 1}'], parameters=Parameters(content_type=kind))
        refuses(f"'{kind}'. ", ask, "upper-string", InferenceRequest(inputs=[tensor]))
""",
    "base64": """
for ask, use_bytes in ((over_http, False), (over_grpc, True)):
    frame = {"age": np.array([30.0]), "fare": np.array([10.5])}
    inputs = [NumpyCodec.encode_input(name, column) for name, column in frame.items()]
    inputs += [Base64Codec.encode_input(name, [text], use_bytes=use_bytes) for name, text in (("embarked", b"S"), ("sex", b"male"))]
    answer = ask("titanic", InferenceRequest(inputs=inputs))
    assert np.allclose(floats(answer, "probabilities"), [[0.98476, 0.01524]], atol=1e-5), answer
""",
    "datetime": """
from datetime import datetime
for ask, use_bytes in ((over_http, False), (over_grpc, True)):
    request = InferenceRequest(inputs=[DatetimeCodec.encode_input("label", [datetime(2026, 1, 2)], use_bytes=use_bytes)])
    refuses("datetime", ask, "identity-string", request)
""",
}


@pytest.mark.parametrize("program", CASES.values(), ids=CASES)
def test_codecs(program):
    command = [os.environ["MLSERVER_PYTHON"], "-c", PREAMBLE + program, str(PORTS["http"]), str(PORTS["grpc"])]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
