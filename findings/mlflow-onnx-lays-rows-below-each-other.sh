#!/usr/bin/env bash
# mlflow-skinny 3.17.2's ONNX flavor answers tables (dataframe_split, dataframe_records, CSV) with every output flattened: two rows of
# three probabilities each become six rows of one number, with status 200 and nothing that says which row is whose. Tensors (instances,
# inputs) of the same model keep their shape. With a second output of one number a row the lengths differ, and the request fails instead.
# Way out: send inputs or instances, or reshape the list by the number of outputs. Source: mlflow/onnx/__init__.py,
# `format_output` (data.reshape(-1)); run here, in the scoring server itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 fastapi==0.165.0 starlette==1.10.0 \
  httpx==0.28.1 onnx==1.23.2 onnxruntime==1.32.0 pandas==2.3.3 numpy==2.4.6
cat >"$folder/rows.py" <<'PYTHON'
import sys

import mlflow
import mlflow.onnx
import mlflow.pyfunc
import onnx
from fastapi.testclient import TestClient
from mlflow.pyfunc import scoring_server
from onnx import TensorProto, helper

print("mlflow", mlflow.__version__)
shape = ["rows", 3]
float3 = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
graph = helper.make_graph([helper.make_node("Softmax", ["x"], ["p"])], "softmax", [float3("x")], [float3("p")])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
mlflow.onnx.save_model(model, sys.argv[1], pip_requirements=[])
client = TestClient(scoring_server.init(mlflow.pyfunc.load_model(sys.argv[1])))
data = [[1.5, 2, 3], [4, 5, 6]]
for name, body in {
    "dataframe_split": {"columns": ["a", "b", "c"], "data": data},
    "inputs": data,
}.items():
    answer = client.post("/invocations", json={name: body})
    predictions = answer.json()["predictions"]
    rows = len(predictions) if name == "dataframe_split" else len(predictions["p"])
    print(f"{name}: {answer.status_code}, 2 rows in, {rows} out")
PYTHON
seen=$("$python" "$folder/rows.py" "$folder/model" 2>"$folder/stderr") || { cat "$folder/stderr"; exit 1; }
printf '%s\n' "$seen"
grep -qF 'dataframe_split: 200, 2 rows in, 6 out' <<<"$seen"
grep -qF 'inputs: 200, 2 rows in, 2 out' <<<"$seen"
