#!/usr/bin/env bash
# skl2onnx 1.20.0 cannot convert scikit-learn's HistGradientBoosting models where protobuf 7 is installed, which is what
# pip chooses today: it hands numpy booleans (which way a missing value goes) to an ONNX attribute of integers. protobuf
# 6 takes them as 0 and 1, protobuf 7 refuses a boolean as an integer, and the error names the whole tree, not the cause.
# Every other tree of scikit-learn is written alike under both. Way out: protobuf<7 beside skl2onnx.
# Seen with scikit-learn 1.9.1, skl2onnx 1.20.0, onnx 1.23.2, Python 3.11. Source: run here; no report of it was found.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check \
  scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 numpy==2.4.6 protobuf==7.36.2
cat >"$folder/convert.py" <<'PYTHON'
import google.protobuf
import numpy as np
import skl2onnx
import sklearn
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor

x = np.random.default_rng(0).random((100, 3)).astype(np.float32)
print("protobuf", google.protobuf.__version__, "skl2onnx", skl2onnx.__version__, "scikit-learn", sklearn.__version__)
for model in (GradientBoostingRegressor(n_estimators=3), HistGradientBoostingRegressor(max_iter=3)):
    try:
        skl2onnx.to_onnx(model.fit(x, x.sum(1)), x[:1])
        print(type(model).__name__, "written")
    except ValueError as error:
        print(type(model).__name__, "refused:", error.__cause__)
PYTHON
newer=$("$python" "$folder/convert.py")
"$python" -m pip install --quiet --disable-pip-version-check protobuf==6.33.6
older=$("$python" "$folder/convert.py")
printf '%s\n' "$newer" "$older"
grep -q '^GradientBoostingRegressor written' <<<"$newer"
grep -q '^HistGradientBoostingRegressor refused: .*got a boolean' <<<"$newer"
grep -q '^HistGradientBoostingRegressor written' <<<"$older"
