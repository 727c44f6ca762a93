#!/usr/bin/env bash
# mlflow-skinny 3.17.2's client of scoring servers, ScoringServerClient.invoke, says that it takes "a dict of numpy arrays" and fails on
# one before it sends anything: dump_input_data iterates over the keys as if they were pairs, so that "x" cannot be unpacked. A name of
# two letters can: "ab" becomes the key "a" with the value "b", and fails for being no array. Way out: post
# {"inputs": {name: array.tolist()}} by yourself. Source: mlflow/utils/proto_json_utils.py, `for k, v in data`; run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check mlflow-skinny==3.17.2 fastapi==0.165.0 pandas==2.3.3 numpy==2.4.6 scipy==1.17.1
cat >"$folder/dict.py" <<'PYTHON'
import mlflow
import numpy as np
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from mlflow.utils.proto_json_utils import dump_input_data

print("mlflow", mlflow.__version__)
array = np.ones((2, 3))
print("array:", dump_input_data(array))
for name in ["x", "ab"]:
    try:
        # Nothing listens there, and nothing is sent.
        ScoringServerClient("127.0.0.1", 9).invoke({name: array})
        print(f"{name}: sent")
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
PYTHON
seen=$("$python" "$folder/dict.py" 2>"$folder/stderr") || { cat "$folder/stderr"; exit 1; }
printf '%s\n' "$seen"
grep -qF 'array: {"inputs": [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]}' <<<"$seen"
grep -qF 'x: ValueError: not enough values to unpack' <<<"$seen"
grep -qF 'ab: MlflowException: Incompatible input type' <<<"$seen"
