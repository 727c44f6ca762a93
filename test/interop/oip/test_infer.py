"""Inference: every datatype in every form, over every transport."""

import asyncio
import queue
import urllib.request

import numpy as np
import pytest
import tritonclient.http.aio
from tritonclient.utils import InferenceServerException

NUMBERS = {
    "BOOL": ("identity-bool", np.array([True, False, True])),
    "INT8": ("identity-int8", np.array([-128, 0, 127], np.int8)),
    "INT16": ("identity-int16", np.array([-(2**15), 0, 2**15 - 1], np.int16)),
    "INT32": ("identity-int32", np.array([-(2**31), 0, 2**31 - 1], np.int32)),
    "INT64": ("identity-int64", np.array([-(2**63), 2**53 + 1, 2**63 - 1], np.int64)),
    "UINT8": ("identity-uint8", np.array([0, 1, 255], np.uint8)),
    "UINT16": ("identity-uint16", np.array([0, 1, 2**16 - 1], np.uint16)),
    "UINT32": ("identity-uint32", np.array([0, 1, 2**32 - 1], np.uint32)),
    "UINT64": ("identity-uint64", np.array([0, 2**53 + 1, 2**64 - 1], np.uint64)),
    "FP16": ("identity-float16", np.array([0.5, -1.25, 65504], np.float16)),
    "FP32": ("identity-float32", np.array([0.1, -1e-45, 3.4028235e38], np.float32)),
    "FP64": ("identity-float64", np.array([0.1, 5e-324, 1.7976931348623157e308], np.float64)),
    "BYTES": ("identity-string", np.array(["".encode(), "naïve ☃".encode(), b"\n\"\\"], np.object_)),
}


def rows_for(peer, model, values):
    """The values in a shape that the model takes: as rows, repeated where its other dims are fixed."""
    shape = [int(dim) for dim in peer.metadata(model)["inputs"][0]["shape"]]
    width = 1
    for dim in shape[1:]:
        width *= 1 if dim < 0 else dim
    dims = [len(values)] + [1 if dim < 0 else dim for dim in shape[1:]]
    return np.repeat(values, width).reshape(dims)


def same(a, b):
    if a.dtype == np.object_:
        # JSON gives the client text, the binary form bytes.
        a = np.array([each.encode() if isinstance(each, str) else each for each in a.ravel()], np.object_).reshape(a.shape)
    return a.shape == b.shape and a.dtype == b.dtype and (a == b).all()


@pytest.mark.parametrize("form_out", ["binary", "json"])
@pytest.mark.parametrize("form_in", ["binary", "json"])
@pytest.mark.parametrize("datatype", NUMBERS)
def test_each_datatype_comes_back_exactly(http, datatype, form_in, form_out):
    model, values = NUMBERS[datatype]
    rows = rows_for(http, model, values)
    name, output = http.names(model)
    is_half = datatype == "FP16"
    if form_in == "json" and is_half:
        pytest.skip("the client itself refuses 16-bit floats as JSON")
    ask = lambda: http.client.infer(
        model,
        [http.input(name, rows, form_in == "binary", datatype)],
        outputs=[http.output(output, form_out == "binary")],
    )
    if form_out == "json" and is_half:
        with pytest.raises(InferenceServerException, match="sending FP16 data via JSON is not supported"):
            ask()
        return
    assert same(ask().as_numpy(output), rows)


@pytest.mark.parametrize("datatype", NUMBERS)
def test_each_datatype_of_all_outputs(peer, datatype):
    model, values = NUMBERS[datatype]
    rows = rows_for(peer, model, values)
    name, output = peer.names(model)
    result = peer.client.infer(model, [peer.input(name, rows, True, datatype)])
    assert same(result.as_numpy(output), rows)
    assert peer.answer(result)["model_name"] == model


def test_half_floats_are_refused_as_json(http):
    body = b'{"inputs":[{"name":"x","datatype":"FP16","shape":[1,3],"data":[1,2,3]}]}'
    status, answer = post(http, "/v2/models/identity-float16/infer", body)
    assert status == 400
    assert "receiving FP16 data via JSON is not supported" in answer


@pytest.mark.parametrize("text,words", [(b"\xff\xfe", "not UTF-8"), (b"a\x00b", "NUL")])
def test_strings_that_would_not_come_back_are_refused(peer, text, words):
    name, _ = peer.names("identity-string")
    rows = rows_for(peer, "identity-string", np.array([text], np.object_))
    with pytest.raises(InferenceServerException, match=words):
        peer.client.infer("identity-string", [peer.input(name, rows, True, "BYTES")])


def ones(rows=2):
    return np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)


def test_outputs_come_in_the_order_of_the_request(peer):
    found = peer.metadata("sum-and-difference")
    inputs = [peer.input(field["name"], floats_for(field)) for field in found["inputs"]]
    names = [field["name"] for field in found["outputs"]]
    assert len(names) == 2
    for wanted in (names, names[::-1], names[:1], names[1:]):
        result = peer.client.infer("sum-and-difference", inputs, outputs=[peer.output(name) for name in wanted])
        assert [output["name"] for output in peer.answer(result)["outputs"]] == wanted
        assert all(result.as_numpy(name) is not None for name in wanted)
    every = peer.client.infer("sum-and-difference", inputs)
    assert [output["name"] for output in peer.answer(every)["outputs"]] == names


def floats_for(field, rows=2):
    dims = [int(dim) for dim in field["shape"]]
    return np.ones([rows] + [1 if dim < 0 else dim for dim in dims[1:]], np.float32)


def test_binary_and_json_mix_in_one_request(http):
    found = http.metadata("sum-and-difference")
    tensors = [http.input(field["name"], floats_for(field), index == 1) for index, field in enumerate(found["inputs"])]
    names = [field["name"] for field in found["outputs"]]
    wishes = [http.output(names[0], False), http.output(names[1], True)]
    result = http.client.infer("sum-and-difference", tensors, outputs=wishes)
    plain = http.client.infer("sum-and-difference", tensors)
    for name in names:
        assert same(result.as_numpy(name), plain.as_numpy(name))


def test_ids_are_echoed(peer):
    name, _ = peer.names("add-one")
    result = peer.client.infer("add-one", [peer.input(name, ones())], request_id="order-66")
    assert peer.answer(result)["id"] == "order-66"


@pytest.mark.parametrize("model", ["add-one", "identity-int64", "identity-string"])
def test_no_rows_are_answered_with_no_rows(peer, model):
    datatype = peer.metadata(model)["inputs"][0]["datatype"]
    values = {"add-one": np.float32, "identity-int64": np.int64, "identity-string": np.object_}
    rows = rows_for(peer, model, np.array([], values[model]))
    name, output = peer.names(model)
    result = peer.client.infer(model, [peer.input(name, rows, True, datatype)])
    assert result.as_numpy(output).shape == rows.shape


def test_versions_are_chosen_by_number(peer):
    name, output = peer.names("constant")
    array = floats_for(peer.metadata("constant")["inputs"][0], 1)
    answers = [
        peer.client.infer("constant", [peer.input(name, array)], model_version=version).as_numpy(output).ravel()[0]
        for version in ("1", "2", "")
    ]
    assert answers[0] != answers[1]
    # Without a version: the newest.
    assert answers[2] == answers[1]
    assert peer.metadata("constant")["versions"] == ["1", "2"]


def test_a_model_is_named_as_in_steps_too(peer):
    name, output = peer.names("add-one@champion")
    assert same(peer.client.infer("add-one@champion", [peer.input(name, ones())]).as_numpy(output), ones() + 1)


def test_asynchronous_requests(peer):
    name, output = peer.names("add-one")
    tensors = [peer.input(name, ones())]
    if peer.transport == "http":
        results = [handle.get_result() for handle in [peer.client.async_infer("add-one", tensors) for _ in range(16)]]
    else:
        done = queue.Queue()
        for _ in range(16):
            peer.client.async_infer("add-one", tensors, lambda result, error: done.put((result, error)))
        pairs = [done.get(timeout=10) for _ in range(16)]
        assert all(error is None for _, error in pairs)
        results = [result for result, _ in pairs]
    assert all(same(result.as_numpy(output), ones() + 1) for result in results)


def test_the_aiohttp_client(http):
    async def ask():
        async with tritonclient.http.aio.InferenceServerClient(http.address) as client:
            name, output = http.names("add-one")
            results = await asyncio.gather(*[client.infer("add-one", [http.input(name, ones())]) for _ in range(16)])
            return [result.as_numpy(output) for result in results]

    assert all(same(answer, ones() + 1) for answer in asyncio.run(ask()))


@pytest.mark.parametrize("answered", [None, "gzip", "deflate"])
@pytest.mark.parametrize("asked", [None, "gzip", "deflate"])
@pytest.mark.parametrize("rows", [2, 5000])
def test_compression_both_ways(http, asked, answered, rows):
    name, output = http.names("add-one")
    for binary in (True, False):
        result = http.client.infer(
            "add-one",
            [http.input(name, ones(rows), binary)],
            outputs=[http.output(output, binary)],
            request_compression_algorithm=asked,
            response_compression_algorithm=answered,
        )
        assert same(result.as_numpy(output), ones(rows) + 1)


def test_an_answer_is_compressed_when_asked(http):
    body = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[1,2,3]}]}'
    request = urllib.request.Request(f"http://{http.address}/v2/models/add-one/infer", body, {"accept-encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["content-encoding"] == "gzip"


def test_classification(peer):
    name, output = peer.names("identity-float32")
    shape = rows_for(peer, "identity-float32", np.array([0.5], np.float32)).shape
    scores = np.arange(np.prod(shape[1:]), dtype=np.float32).reshape((1,) + shape[1:])
    result = peer.client.infer(
        "identity-float32", [peer.input(name, scores)], outputs=[peer.output(output, class_count=1)]
    )
    best = int(scores.size - 1)
    assert result.as_numpy(output).tolist() == [[f"{best:.6f}:{best}".encode()]]


def test_custom_parameters_are_routing_keys(peer):
    name, output = peer.names("by-region")
    array = floats_for(peer.metadata("by-region")["inputs"][0], 1)

    def ask(model, parameters):
        result = peer.client.infer(model, [peer.input(name, array)], parameters=parameters)
        return result.as_numpy(output).ravel()[0]

    versions = [
        peer.client.infer("constant", [peer.input(name, array)], model_version=version).as_numpy(output).ravel()[0]
        for version in ("1", "2")
    ]
    assert ask("by-region", {"region": "eu"}) == versions[1]
    assert ask("by-region", {"region": "us"}) == versions[0]
    assert ask("by-region", None) == versions[0]
    assert ask("by-draw", {"u": 0.1}) == versions[0]
    assert ask("by-draw", {"u": 0.9}) == versions[1]
    # Integers are ids, the same as their text.
    assert ask("by-draw", {"u": 7}) == ask("by-draw", {"u": "7"}) == versions[0]
    with pytest.raises(InferenceServerException, match=r"\[0, 1\]"):
        ask("by-draw", {"u": -7})


def test_priority_and_timeout(peer):
    name, output = peer.names("add-one")
    for priority in (0, 1, 7):
        result = peer.client.infer("add-one", [peer.input(name, ones())], priority=priority, timeout=10_000_000)
        assert same(result.as_numpy(output), ones() + 1)
    name, _ = peer.names("slowly")
    array = floats_for(peer.metadata("slowly")["inputs"][0], 1)
    with pytest.raises(InferenceServerException, match="deadline"):
        peer.client.infer("slowly", [peer.input(name, array)], timeout=1)


def test_failed_checks_come_as_a_parameter(http):
    body = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[100,2,3]}]}'
    status, answer = post(http, "/v2/models/checked/infer", body)
    assert status == 200 and "check_failures" in answer and "high" in answer


def test_raw_requests(http):
    body = ones(1).tobytes()
    headers = {"inference-header-content-length": "0"}
    request = urllib.request.Request(f"http://{http.address}/v2/models/add-one/infer", body, headers)
    with urllib.request.urlopen(request) as answer:
        head = int(answer.headers["inference-header-content-length"])
        tensor = np.frombuffer(answer.read()[head:], np.float32)
    assert (tensor == ones(1).ravel() + 1).all()


def post(http, path, body, headers=None):
    request = urllib.request.Request(f"http://{http.address}{path}", body, headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


ERRORS = [
    ("unknown model", "nobody", {}, "unknown model: 'nobody' is not found"),
    ("unknown version", "add-one", {"model_version": "99"}, "version 99 is not found"),
    ("unknown output", "add-one", {"output": "nothing"}, "unexpected inference output 'nothing'"),
    ("unknown input", "add-one", {"name": "nothing"}, "unexpected inference input 'nothing'"),
    ("text for numbers", "add-one", {"array": np.array([["1", "2", "3"]], np.object_)}, "data-type is 'BYTES', but model 'add-one' expects 'FP32'"),
    ("value that does not fit", "identity-int32", {"array": np.array([[1, 2**40, 3]])}, "1099511627776 at element 1"),
    ("sequence", "add-one", {"sequence_id": 7, "sequence_start": True}, "no state"),
    ("wrong shape", "add-one", {"array": np.ones((1, 4), np.float32)}, r"unexpected shape for input 'x'"),
    ("wrong rank", "add-one", {"array": np.ones((3,), np.float32)}, r"unexpected shape for input 'x'"),
    ("too many rows", "add-one", {"array": np.ones((2**18 + 1, 3), np.float32)}, "batch-size must be <= 262144"),
    ("reserved parameter", "add-one", {"parameters": {"triton_secret": 1}}, "triton_"),
]


@pytest.mark.parametrize("model,options,words", [case[1:] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_refusals_say_why(peer, model, options, words):
    options = dict(options)
    tensor = peer.input(options.pop("name", "x"), options.pop("array", ones()))
    output = options.pop("output", None)
    outputs = None if output is None else [peer.output(output)]
    with pytest.raises(InferenceServerException, match=words):
        peer.client.infer(model, [tensor], outputs=outputs, **options)


def test_every_refusal_is_json_with_error(http):
    import json

    for path, body, headers, expected in [
        ("/v2/models/add-one/infer", b"", {}, 400),
        ("/v2/models/add-one/infer", b"{", {}, 400),
        ("/v2/models/add-one/infer", b"[" * 10000, {}, 400),
        ("/v2/models/add-one/infer", b"{}", {"inference-header-content-length": "99"}, 400),
        ("/v2/models/add-one/infer", b"{}", {"inference-header-content-length": "x"}, 400),
        ("/v2/models/add-one/infer", b"{}", {"content-encoding": "br"}, 400),
        ("/v2/models/nobody/infer", b"{}", {}, 404),
        ("/v2/nowhere", b"{}", {}, 404),
        ("/v2/health/live", b"{}", {}, 405),
        ("/v2/repository/models/nobody/load", b"", {}, 404),
    ]:
        status, answer = post(http, path, body, headers)
        assert status == expected, (path, status, answer)
        assert isinstance(json.loads(answer)["error"], str)
