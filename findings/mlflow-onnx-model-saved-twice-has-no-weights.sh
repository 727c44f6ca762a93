#!/usr/bin/env bash
# mlflow 3.17.2 saves ONNX models with weights of 1 KiB and more as external data, and that is the default. Saving takes the
# weights out of the caller's own ModelProto, so the same object saved or logged once more, with external data or
# without, gives a model.onnx that names a .data file which lies in the first folder alone. Nothing is said; the model is
# registered and fails when it is loaded. The file's name is a UUID of the save, so no other file is taken for it.
# Way out: onnx.load the first folder's model again before the second save, or copy.deepcopy the model for each.
# Source: run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check mlflow==3.17.2 onnx==1.23.2 onnxruntime
cat >"$folder/twice.py" <<'PYTHON'
import os
import sys

import mlflow
import numpy as np
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
print("mlflow", mlflow.__version__)
weights = numpy_helper.from_array(np.ones((4, 4096), np.float32), "w")
x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])
y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4096])
graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", [x], [y], [weights])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
for name, options in {"first": {}, "again": {}, "inside": {"save_as_external_data": False}}.items():
    mlflow.onnx.save_model(model, f"{folder}/{name}", **options)
    sizes = [os.path.getsize(f"{folder}/{name}/{file}") for file in os.listdir(f"{folder}/{name}")]
    print(f"{name}: {'has' if max(sizes) >= 65536 else 'lacks'} its weights")
PYTHON
seen=$("$python" "$folder/twice.py" "$folder" 2>"$folder/log")
printf '%s\n' "$seen"
grep -qF 'first: has its weights' <<<"$seen"
grep -qF 'again: lacks its weights' <<<"$seen"
grep -qF 'inside: lacks its weights' <<<"$seen"
