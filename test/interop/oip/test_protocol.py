"""The protocol as others wrote it down is the oracle: tritonclient's descriptors for gRPC, MLServer's OpenAPI for HTTP."""

import json
import os
import urllib.request

import grpc
import jsonschema
import pytest
from google.protobuf.descriptor import FieldDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool
from tritonclient.grpc import service_pb2

from conftest import PORTS

SERVICE = "inference.GRPCInferenceService"
# What Open Inference Protocol v2 itself asks for; the others are Triton's extensions.
CORE = {"ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer"}
# Extensions that Penstock does not have.
ABSENT = {"TraceSetting", "LogSettings"}


@pytest.fixture(scope="module")
def channel():
    with grpc.insecure_channel(f"127.0.0.1:{PORTS['grpc']}") as opened:
        yield opened


def reflected(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    return database, DescriptorPool(database)


def test_reflection_lists_the_services(channel):
    database, _ = reflected(channel)
    assert {SERVICE, "grpc.health.v1.Health"} <= set(database.get_services())


def test_the_methods_are_those_of_the_protocol(channel):
    _, pool = reflected(channel)
    ours = {method.name: method for method in pool.FindServiceByName(SERVICE).methods}
    theirs = {method.name: method for method in service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods}
    assert CORE <= set(ours)
    assert set(theirs) - set(ours) == ABSENT
    for name, method in ours.items():
        expected = theirs[name]
        assert method.input_type.full_name == expected.input_type.full_name
        assert method.output_type.full_name == expected.output_type.full_name
        assert method.client_streaming == expected.client_streaming
        assert method.server_streaming == expected.server_streaming


def test_every_field_has_the_number_and_type_of_the_protocol(channel):
    _, pool = reflected(channel)
    seen = set()

    def compare(ours, theirs):
        if ours.full_name in seen:
            return
        seen.add(ours.full_name)
        for field in ours.fields:
            expected = theirs.fields_by_name[field.name]
            where = f"{ours.full_name}.{field.name}"
            assert field.number == expected.number, where
            assert field.type == expected.type, where
            assert field.is_repeated == expected.is_repeated, where
            if field.type == FieldDescriptor.TYPE_MESSAGE:
                is_map = expected.message_type.GetOptions().map_entry
                assert field.message_type.GetOptions().map_entry == is_map, where
                # protobufjs has names of its own for the entries of maps, which nobody sees.
                assert is_map or field.message_type.full_name == expected.message_type.full_name, where
                compare(field.message_type, expected.message_type)
            if field.type == FieldDescriptor.TYPE_ENUM:
                assert {value.name: value.number for value in field.enum_type.values} == {
                    value.name: value.number for value in expected.enum_type.values
                }

    theirs = {method.name: method for method in service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"].methods}
    for method in pool.FindServiceByName(SERVICE).methods:
        compare(method.input_type, theirs[method.name].input_type)
        compare(method.output_type, theirs[method.name].output_type)
    assert len(seen) > 50


def test_health_is_checked_and_watched(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", SERVICE):
        assert stub.Check(health_pb2.HealthCheckRequest(service=service)).status == serving
    with pytest.raises(grpc.RpcError) as refused:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    watched = stub.Watch(health_pb2.HealthCheckRequest(service=""))
    assert next(watched).status == serving
    watched.cancel()
    unknown = stub.Watch(health_pb2.HealthCheckRequest(service="nobody"))
    assert next(unknown).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    unknown.cancel()


def test_what_is_not_there_is_unimplemented(channel):
    call = channel.unary_unary(
        f"/{SERVICE}/TraceSetting",
        request_serializer=service_pb2.TraceSettingRequest.SerializeToString,
        response_deserializer=service_pb2.TraceSettingResponse.FromString,
    )
    with pytest.raises(grpc.RpcError) as refused:
        call(service_pb2.TraceSettingRequest())
    assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED


INFER = {
    "id": "1",
    "parameters": {"priority": 1},
    "inputs": [{"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}],
    "outputs": [{"name": "y"}],
}
CALLS = [
    ("get", "/v2/health/live", None),
    ("get", "/v2/health/ready", None),
    ("get", "/v2", None),
    ("get", "/v2/models/add-one", None),
    ("get", "/v2/models/add-one/ready", None),
    ("get", "/v2/models/add-one/versions/1", None),
    ("get", "/v2/models/add-one/versions/1/ready", None),
    ("get", "/v2/models/nobody", None),
    ("post", "/v2/models/add-one/infer", INFER),
    ("post", "/v2/models/add-one/versions/1/infer", INFER),
    ("post", "/v2/models/add-one/infer", {}),
    ("post", "/v2/models/add-one/infer", {"inputs": []}),
    ("post", "/v2/repository/index", {}),
    ("post", "/v2/repository/index", {"ready": True}),
    ("post", "/v2/repository/models/add-one/load", None),
]


def openapi():
    """The documents in MLServer's wheel; each has paths of its own."""
    for name in ("dataplane", "model_repository"):
        with open(os.path.join(os.environ["MLSERVER"], "mlserver", "rest", "openapi", f"{name}.json")) as file:
            yield json.load(file)


def documented(path, documents):
    """The path item and its document, with the parameters filled in."""
    for document in documents:
        for template, item in document["paths"].items():
            parts, wanted = template.split("/"), path.split("/")
            if len(parts) == len(wanted) and all(a == b or a.startswith("{") for a, b in zip(parts, wanted)):
                return item, document
    return None, None


# The document has a type of its own for strings.
KINDS = jsonschema.Draft4Validator.TYPE_CHECKER.redefine("bytes", lambda _, value: isinstance(value, str))
Validator = jsonschema.validators.extend(jsonschema.Draft4Validator, type_checker=KINDS)


@pytest.mark.parametrize("method,path,body", CALLS, ids=[f"{method} {path} {index}" for index, (method, path, _) in enumerate(CALLS)])
def test_answers_are_what_the_openapi_document_says(method, path, body):
    item, document = documented(path, list(openapi()))
    assert item is not None, f"the document has no {path}"
    data = None if body is None and method == "get" else json.dumps(body or {}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{PORTS['http']}{path}", data, {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request) as answer:
            status, text = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    responses = item[method]["responses"]
    expected = responses.get(str(status)) or responses.get("default") or responses.get("400")
    schema = (expected or {}).get("content", {}).get("application/json", {}).get("schema")
    if status != 200:
        assert isinstance(json.loads(text)["error"], str)
        return
    if schema is not None:
        resolved = {**schema, "components": document["components"]}
        Validator(resolved).validate(json.loads(text))
