#!/usr/bin/env bash
# Makes the benchmark models: a virtual environment beside the trainer's, the pinned packages, then bench_models.py with
# the given arguments. PENSTOCK_BENCH_PYTHON names an interpreter that has the packages already.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
python="${PENSTOCK_BENCH_PYTHON:-}"
if [ -z "$python" ]; then
  venv="$here/.venv"
  python="$venv/bin/python"
  base="${PYTHON:-python3}"
  "$base" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Expected python3 to be 3.11 or newer but received $("$base" --version); set PYTHON to another one" >&2
    exit 1
  }
  [ -x "$python" ] || "$base" -m venv "$venv"
  "$python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements-bench.txt" >&2
fi
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONHASHSEED=0
exec "$python" "$here/bench_models.py" "$@"
