#!/usr/bin/env bash
# onnxruntime 1.30.0 and 1.32.0 take the post-transforms of TreeEnsemble (ai.onnx.ml 5) by numbers of its own: 1 is LOGISTIC and 2 is SOFTMAX,
# where the operator's specification says 1 for SOFTMAX and 2 for LOGISTIC.
# The older operators, which name post-transforms in words, are right. Way out: use 0 and a Softmax or Sigmoid behind the
# trees, or the older operators. Source: ml_common.h (POST_EVAL_TRANSFORM), tree_ensemble_attribute.h (postTransformToString).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
"$python" - <<'PYTHON'
import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

print("onnxruntime", onnxruntime.__version__)
floats = lambda name, values: numpy_helper.from_array(np.array(values, np.float32), name)
# Two trees of one test each: the first answers 2 for target 0, the second 1 for target 1, in every row.
scores = np.array([2, 1], np.float32)
meant = {1: ("SOFTMAX", np.exp(scores) / np.exp(scores).sum()), 2: ("LOGISTIC", 1 / (1 + np.exp(-scores)))}
is_wrong = True
for code, (name, expected) in meant.items():
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=2, aggregate_function=1, post_transform=code,
        tree_roots=[0, 1], nodes_featureids=[0, 0], nodes_splits=floats("s", [0, 0]),
        nodes_modes=numpy_helper.from_array(np.array([0, 0], np.uint8), "m"),
        nodes_truenodeids=[0, 2], nodes_trueleafs=[1, 1], nodes_falsenodeids=[1, 3], nodes_falseleafs=[1, 1],
        leaf_targetids=[0, 0, 1, 1], leaf_weights=floats("w", [2, 2, 1, 1]),
    )
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width])
    graph = helper.make_graph([node], "trees", [value("x", 1)], [value("y", 2)])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    answer = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": np.zeros((1, 1), np.float32)})[0][0]
    is_wrong = is_wrong and not np.allclose(answer, expected)
    print(f"post_transform {code}, {name} by the specification: {expected}, answered {answer}")
raise SystemExit(0 if is_wrong else "no longer so")
PYTHON
