"""TLS as foreign clients speak it: the standard library, and tritonclient over HTTP and gRPC. Arguments: ports, PEM files."""

import http.client
import json
import ssl
import sys

import numpy as np
import tritonclient.grpc
import tritonclient.http

http_port, grpc_port, authority, certificate, key = sys.argv[1:]
expected = [[2.0, 3.0, 4.0]]


def standard_library():
    context = ssl.create_default_context(cafile=authority)
    context.load_cert_chain(certificate, key)
    connection = http.client.HTTPSConnection("localhost", int(http_port), context=context)
    for _ in range(2):
        connection.request("POST", "/v1/pipelines/add/infer", '{"x":[[1,2,3]]}', {"content-type": "application/json"})
        answer = json.loads(connection.getresponse().read())
        assert answer["outputs"]["y"] == expected, answer
    return connection.sock.version()


def triton(module, client):
    tensor = module.InferInput("x", [1, 3], "FP32")
    tensor.set_data_from_numpy(np.array([[1, 2, 3]], dtype=np.float32))
    answer = client.infer("add", [tensor]).as_numpy("y").tolist()
    client.close()
    assert answer == expected, answer
    return "answered"


print(
    json.dumps(
        {
            "standard library": standard_library(),
            "tritonclient.http": triton(
                tritonclient.http,
                tritonclient.http.InferenceServerClient(
                    f"localhost:{http_port}",
                    ssl=True,
                    ssl_options={"ca_certs": authority, "certfile": certificate, "keyfile": key},
                ),
            ),
            "tritonclient.grpc": triton(
                tritonclient.grpc,
                tritonclient.grpc.InferenceServerClient(
                    f"localhost:{grpc_port}",
                    ssl=True,
                    root_certificates=authority,
                    private_key=key,
                    certificate_chain=certificate,
                ),
            ),
        }
    )
)
