#!/usr/bin/env bash
# onnxruntime 1.30.0 and 1.32.0 round what TreeEnsemble (ai.onnx.ml 5) looks up in a set of members to an integer, but only in sets of 31
# members or more or with a member beyond 0..30: 33.5 is a member of {1, 33}, and 1.5 is none of {1, 3}. The operator's
# specification knows members as floats and compares them. Sets whose members are no integers are refused, if they are of the
# first kind. Way out: put integers only into columns that sets look at. Source: tree_ensemble_common.h and
# tree_ensemble_attribute.h (BRANCH_MEMBER_BIGSET).
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
wrong = 0
for members in ([1, 3], [1, 33]):
    node = helper.make_node(
        "TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, aggregate_function=1, post_transform=0,
        tree_roots=[0], nodes_featureids=[0], nodes_splits=floats("s", [0]),
        nodes_modes=numpy_helper.from_array(np.array([6], np.uint8), "m"),
        nodes_truenodeids=[0], nodes_trueleafs=[1], nodes_falsenodeids=[1], nodes_falseleafs=[1],
        leaf_targetids=[0, 0], leaf_weights=floats("w", [1, 0]), membership_values=floats("v", [*members, float("nan")]),
    )
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1])
    graph = helper.make_graph([node], "set", [value("x")], [value("y")])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    rows = np.array([[1], [1.5], [3.5], [33], [33.5]], np.float32)
    answers = session.run(None, {"x": rows})[0].ravel()
    for x, answer in zip(rows.ravel(), answers):
        is_member = float(x) in members
        wrong += is_member != bool(answer)
        print(f"{x} in {members}: {bool(answer)}" + ("" if is_member == bool(answer) else "  <- the specification says no"))
raise SystemExit(0 if wrong > 0 else "no longer so")
PYTHON
