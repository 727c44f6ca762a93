#!/usr/bin/env bash
# skl2onnx 1.20.0 writes scikit-learn's QuadraticDiscriminantAnalysis so that the labels of n rows come as [1, n], one row
# of n, while the probabilities come as [n, classes]. LinearDiscriminantAnalysis gives [n]. One row at a time hides it:
# both are [1, 1] or [1]. Whoever sends tables must take the label from the larger probability.
# Seen with scikit-learn 1.9.1, onnx 1.23.2, onnxruntime 1.32.0, Python 3.11. Source: run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check \
  scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 protobuf==6.33.6
cat >"$folder/convert.py" <<'PYTHON'
import onnxruntime
import numpy as np
import skl2onnx
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis

x, y = load_iris(return_X_y=True)
x = x.astype(np.float32)
print("skl2onnx", skl2onnx.__version__)
for model in (LinearDiscriminantAnalysis(), QuadraticDiscriminantAnalysis()):
    written = skl2onnx.to_onnx(model.fit(x, y), x[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    label, probabilities = session.run(None, {"X": x[:5]})
    print(type(model).__name__, "label", list(label.shape), "probabilities", list(probabilities.shape))
PYTHON
seen=$("$python" "$folder/convert.py" 2>/dev/null)
printf '%s\n' "$seen"
grep -q '^LinearDiscriminantAnalysis label \[5\] probabilities \[5, 3\]' <<<"$seen"
grep -q '^QuadraticDiscriminantAnalysis label \[1, 5\] probabilities \[5, 3\]' <<<"$seen"
