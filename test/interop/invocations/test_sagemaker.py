"""The serializers and deserializers of SageMaker's SDK: what they send is understood, what is answered they read."""

import importlib
import io
import os
import sys
import types

import numpy as np
import pandas as pd
import pytest
import requests

DATA = [[1.5, 2.0, 3.0], [4.5, 5.0, 6.0]]
WANTED = np.array(DATA) + 1


def module_of(name):
    """A module of the SDK alone: its package imports every client of AWS."""
    path = os.environ["SAGEMAKER_SDK"] + "/sagemaker"
    package = types.ModuleType("sagemaker")
    package.__path__ = [path]
    utils = types.ModuleType("sagemaker.utils")
    utils.DeferredError = lambda error: error
    records = types.ModuleType("sagemaker.serializer_utils")
    records.write_numpy_to_dense_tensor = records.read_records = None
    sys.modules.update({"sagemaker": package, "sagemaker.utils": utils, "sagemaker.serializer_utils": records})
    return importlib.import_module(f"sagemaker.{name}")


serializers = module_of("base_serializers")
deserializers = module_of("base_deserializers")


@pytest.fixture(scope="session")
def predict(sagemaker_url):
    """What the SDK's Predictor sends: content type and accept of the two, and reads the answer by its content type."""

    def ask(serializer, deserializer, data):
        headers = {"content-type": serializer.CONTENT_TYPE, "accept": ", ".join(deserializer.ACCEPT)}
        body = serializer.serialize(data)
        response = requests.post(f"{sagemaker_url}/invocations", data=body, headers=headers)
        assert response.status_code == 200, response.text
        return deserializer.deserialize(io.BytesIO(response.content), response.headers["content-type"])

    return ask


SENDERS = {
    "csv of lists": (serializers.CSVSerializer(), DATA),
    "csv of an array": (serializers.CSVSerializer(), np.array(DATA)),
    "csv of a frame": (serializers.CSVSerializer(), pd.DataFrame(DATA)),
    "npy": (serializers.NumpySerializer(), np.array(DATA)),
    "npy of float32": (serializers.NumpySerializer(dtype="float32"), DATA),
    "npy, big-endian": (serializers.NumpySerializer(), np.array(DATA, dtype=">f8")),
    "npy in Fortran's order": (serializers.NumpySerializer(), np.asfortranarray(DATA)),
    "json of an array": (serializers.JSONSerializer(), np.array(DATA)),
    "json by name": (serializers.JSONSerializer(), {"x": np.array(DATA)}),
    "json instances": (serializers.JSONSerializer(), {"instances": DATA}),
    "lines of lists": (serializers.JSONLinesSerializer(), DATA),
    "lines of objects": (serializers.JSONLinesSerializer(), [{"x": row} for row in DATA]),
}


@pytest.mark.parametrize("sender", SENDERS)
@pytest.mark.parametrize("accept", ["text/csv", "application/json", "application/x-npy"])
def test_answers_are_read_as_arrays(predict, sender, accept):
    serializer, data = SENDERS[sender]
    answered = predict(serializer, deserializers.NumpyDeserializer(dtype="float64", accept=accept), data)
    np.testing.assert_array_equal(answered, WANTED)


@pytest.mark.parametrize("sender", ["csv of lists", "npy"])
def test_csv_is_read_as_lists(predict, sender):
    serializer, data = SENDERS[sender]
    answered = predict(serializer, deserializers.CSVDeserializer(), data)
    assert [[float(cell) for cell in row] for row in answered] == WANTED.tolist()


@pytest.mark.parametrize("sender", ["csv of lists", "npy"])
def test_lines_are_read(predict, sender):
    serializer, data = SENDERS[sender]
    assert predict(serializer, deserializers.JSONLinesDeserializer(), data) == WANTED.tolist()


def test_json_is_read(predict):
    serializer, data = SENDERS["json of an array"]
    assert predict(serializer, deserializers.JSONDeserializer(), data) == WANTED.tolist()


def test_a_frame_is_read_with_the_header_that_it_needs(predict):
    """PandasDeserializer takes the first line for names; the answer has them where accept says so."""
    accept = "text/csv; header=present"
    frame = predict(*[SENDERS["csv of a frame"][0], deserializers.PandasDeserializer(accept=accept)], SENDERS["csv of a frame"][1])
    assert list(frame.columns) == ["y[0]", "y[1]", "y[2]"]
    np.testing.assert_array_equal(frame.to_numpy(), WANTED)


def test_one_row_as_the_sdk_writes_it(predict):
    answered = predict(serializers.CSVSerializer(), deserializers.CSVDeserializer(), DATA[0])
    assert [[float(cell) for cell in row] for row in answered] == [WANTED[0].tolist()]
