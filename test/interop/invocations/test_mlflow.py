"""MLflow's scoring server beside ours, for the same model and the same bodies; and its client."""

import io
import json
import os

import mlflow.onnx
import mlflow.pyfunc
import numpy as np
import onnx
import pandas as pd
import pytest
import requests
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

DATA = [[1.5, 2, 3], [4.5, 5, 6]]
FRAME = pd.DataFrame(DATA, columns=["a", "b", "c"])
RECORDS = FRAME.to_dict(orient="records")
JSON = "application/json"


@pytest.fixture(scope="session")
def theirs(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("mlflow") / "model")
    mlflow.onnx.save_model(onnx.load(os.environ["MODEL_PATH"]), path, pip_requirements=[])
    return TestClient(scoring_server.init(mlflow.pyfunc.load_model(path)))


@pytest.fixture(scope="session")
def both(theirs, mlflow_port):
    def ask(body, content_type=JSON):
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        headers = {"content-type": content_type}
        ours = requests.post(f"http://127.0.0.1:{mlflow_port}/invocations", data=content, headers=headers)
        return theirs.post("/invocations", content=content, headers=headers), ours

    return ask


def frame_bytes(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        {"instances": DATA},
        {"inputs": DATA},
        {"inputs": {"x": DATA}},
        {"instances": [{"x": row} for row in DATA]},
        {"inputs": [[1e-7, -0.0, 3.4e38]]},
        {"params": None, "inputs": DATA},
    ],
    ids=["instances", "inputs", "inputs by name", "instances by name", "extreme floats", "no params"],
)
def test_tensors_are_answered_alike(both, body):
    theirs, ours = both(body)
    assert (theirs.status_code, ours.status_code) == (200, 200)
    assert theirs.headers["content-type"] == ours.headers["content-type"] == JSON
    assert list(theirs.json()["predictions"]) == list(ours.json()["predictions"]) == ["y"]
    read = [np.array(answer.json()["predictions"]["y"], dtype=np.float32) for answer in (theirs, ours)]
    np.testing.assert_array_equal(read[0], read[1])


@pytest.mark.parametrize(
    "body, content_type",
    [
        ({"dataframe_split": FRAME.to_dict(orient="split")}, JSON),
        ({"dataframe_records": RECORDS}, JSON),
        (FRAME.to_csv(index=False), "text/csv"),
        (FRAME.to_csv(index=False), "text/csv; charset=utf-8"),
        (frame_bytes(FRAME.to_parquet), "application/vnd.apache.parquet"),
    ],
    ids=["split", "records", "csv", "csv with a charset", "parquet"],
)
def test_tables_have_the_same_numbers(both, body, content_type):
    """A row has a list here; MLflow lays the elements of all rows below each other."""
    theirs, ours = both(body, content_type)
    assert (theirs.status_code, ours.status_code) == (200, 200)
    their_rows, our_rows = theirs.json()["predictions"], ours.json()["predictions"]
    assert len(our_rows) == len(DATA)
    assert [row["y"] for row in their_rows] == [value for row in our_rows for value in row["y"]]


@pytest.mark.parametrize(
    "body, content_type",
    [
        ({"inputs": DATA, "instances": DATA}, JSON),
        ({}, JSON),
        (DATA, JSON),
        (5, JSON),
        ("{", JSON),
        ("", JSON),
        ({"inputs": {"z": DATA}}, JSON),
        ({"inputs": [["a", 1, 2]]}, JSON),
        ({"inputs": [[1.5, 2]]}, JSON),
        ({"dataframe_records": [{"a": 1.5}]}, JSON),
        ({"dataframe_records": 3}, JSON),
        ({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}}, JSON),
        ("1.5,2\n3,4\n", "text/csv"),
        ({"inputs": DATA}, "text/plain"),
        ({"inputs": DATA}, "application/x-npy"),
        ({"inputs": DATA}, "application/json; charset=latin-1"),
        ({"inputs": DATA}, "application/json; format=pandas-split"),
    ],
)
def test_bad_bodies_have_the_same_status_and_code(both, body, content_type):
    theirs, ours = both(body, content_type)
    assert theirs.status_code == ours.status_code
    # MLflow answers 415 as plain text.
    if theirs.status_code != 415:
        assert theirs.json()["error_code"] == ours.json()["error_code"]
    assert ours.json()["message"]


@pytest.mark.parametrize("path", ["/ping", "/health"])
def test_health_is_the_same_answer(theirs, mlflow_port, path):
    ours = requests.get(f"http://127.0.0.1:{mlflow_port}{path}")
    answer = theirs.get(path)
    assert (answer.status_code, answer.text) == (ours.status_code, ours.text)
    assert answer.headers["content-type"] == ours.headers["content-type"]


class TestClientOfMlflow:
    @pytest.fixture(scope="class")
    def client(self, mlflow_port):
        client = ScoringServerClient("127.0.0.1", mlflow_port)
        client.wait_server_ready()
        return client

    def test_version_is_read(self, client):
        assert client.get_version().count(".") >= 2

    def test_a_frame_is_answered_as_a_frame(self, client):
        answered = client.invoke(FRAME).get_predictions()
        assert answered["y"].tolist() == [[2.5, 3, 4], [5.5, 6, 7]]

    def test_integers_of_a_frame_are_taken_for_floats(self, client):
        frame = pd.DataFrame([[1, 2, 3]], columns=["a", "b", "c"])
        assert client.invoke(frame).get_predictions()["y"].tolist() == [[2, 3, 4]]

    def test_an_array_is_answered_by_name(self, client):
        answered = client.invoke(np.array(DATA, dtype=np.float32))["predictions"]
        np.testing.assert_array_equal(np.array(answered["y"]), np.array(DATA) + 1)

    def test_a_list_is_an_array(self, client):
        assert client.invoke(DATA)["predictions"]["y"] == [[2.5, 3, 4], [5.5, 6, 7]]

    def test_unknown_params_are_refused_by_name(self, client):
        with pytest.raises(Exception, match="temperature"):
            client.invoke(FRAME, params={"temperature": 1})
