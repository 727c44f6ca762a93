#!/usr/bin/env bash
# skl2onnx 1.20.0 converts scikit-learn's GaussianProcessClassifier without a word into a graph that ONNX Runtime cannot
# load: it uses an operator Solve of the domain com.microsoft, version -1, which ONNX Runtime 1.32.0 does not have. The
# regressor of the same family is written with standard operators and loads. Way out: LaplaceApproximation has no standard
# form; serve another classifier, or calibrate a GaussianProcessRegressor.
# Seen with scikit-learn 1.9.1, onnx 1.23.2, Python 3.11. Source: run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check \
  scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6 protobuf==6.33.6
cat >"$folder/convert.py" <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor

x = np.random.default_rng(0).random((40, 3)).astype(np.float32)
print("skl2onnx", skl2onnx.__version__, "onnxruntime", onnxruntime.__version__)
for model, y in ((GaussianProcessRegressor(alpha=1.0), x.sum(1)), (GaussianProcessClassifier(), (x.sum(1) > 1.5) * 1)):
    written = skl2onnx.to_onnx(model.fit(x, y), x[:1]).SerializeToString()
    try:
        onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
        print(type(model).__name__, "loads")
    except Exception as error:
        print(type(model).__name__, "does not load:", str(error).splitlines()[0])
PYTHON
seen=$("$python" "$folder/convert.py" 2>/dev/null)
printf '%s\n' "$seen"
grep -q '^GaussianProcessRegressor loads' <<<"$seen"
grep -q '^GaussianProcessClassifier does not load: .*com.microsoft:Solve' <<<"$seen"
