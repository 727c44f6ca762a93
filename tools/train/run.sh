#!/usr/bin/env bash
# Trains every example model and makes every test model, from nothing: a virtual environment under tools/train/.venv,
# the pinned packages, then train.py and make_test_models.py. Arguments go to train.py (see --help), for example
#   tools/train/run.sh --data /path/to/wine-quality
# One thread: sums are then added in one order, and two runs on one machine write the same bytes.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
python="${PYTHON:-python3}"
venv="$here/.venv"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
  echo "Expected python3 to be 3.11 or newer but received $("$python" --version); set PYTHON to another one" >&2
  exit 1
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$here/requirements.txt"

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export XLA_FLAGS="--xla_cpu_multi_thread_eigen=false" JAX_PLATFORMS=cpu PYTHONHASHSEED=0
"$venv/bin/python" "$here/train.py" "$@"
"$venv/bin/python" "$here/make_test_models.py"
"$venv/bin/python" "$here/test_goldens.py"
