#!/usr/bin/env bash
# mlflow 3.17.2: a metric that is NaN is "NaN" where the server answers with its run (runs/get), and 0 where it answers with
# the model that the run logged (logged-models/{id}): a model that failed reads like one whose loss is perfect. The store of
# the runs has a column beside the value that says it is NaN; that of logged models has none. Way out: take metrics of
# the run, by the model's source_run_id. Source: run here, over the server's REST API.
set -euo pipefail
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; sleep 1; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check mlflow==3.17.2
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cd "$folder"
"$python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 1 --backend-store-uri "sqlite:///$folder/mlflow.db" \
  --artifacts-destination "$folder/artifacts" >"$folder/server.log" 2>&1 &
server=$!
for _ in $(seq 120); do
  if "$python" -c "import urllib.request as r; r.urlopen('http://127.0.0.1:$port/health')" 2>/dev/null; then break; fi
  sleep 1
done
cat >"$folder/nan.py" <<'PYTHON'
import json
import sys
import urllib.request

import mlflow

address = sys.argv[1]
mlflow.set_tracking_uri(address)
mlflow.set_experiment("nan")
print("mlflow", mlflow.__version__)
with mlflow.start_run() as run:
    model = mlflow.initialize_logged_model(name="failed", source_run_id=run.info.run_id)
    mlflow.log_metric("loss", float("nan"), model_id=model.model_id)
    mlflow.finalize_logged_model(model.model_id, "READY")


def metric(path, *members):
    with urllib.request.urlopen(f"{address}/api/2.0/mlflow/{path}") as answer:
        found = json.load(answer)
    for member in members:
        found = found[member]
    return found["data"]["metrics"][0]["value"]


print("run:", metric(f"runs/get?run_id={run.info.run_id}", "run"))
print("model:", metric(f"logged-models/{model.model_id}", "model"))
PYTHON
seen=$("$python" "$folder/nan.py" "http://127.0.0.1:$port" 2>"$folder/log" | grep -E '^(mlflow|run:|model:) ')
printf '%s\n' "$seen"
grep -qxF 'run: NaN' <<<"$seen"
grep -qxE 'model: 0(\.0)?' <<<"$seen"
