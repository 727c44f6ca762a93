#!/usr/bin/env bash
# sagemaker 2.251.1: CSVSerializer writes a data frame without its header, as SageMaker's containers want and answer CSV, and
# PandasDeserializer, whose accept is text/csv by default, reads an answer as if its first line were one. The first row becomes the names of
# the columns: one prediction less than rows, without an error. What the SDK's own serializer writes does not come back. Way out: ask
# for JSON, or CSVDeserializer or NumpyDeserializer, or for "text/csv; header=present" where the container knows it. Source:
# sagemaker/base_serializers.py (to_csv(header=False)) and base_deserializers.py (pandas.read_csv(stream)); run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check sagemaker==2.251.1 pandas==3.0.6
cat >"$folder/frame.py" <<'PYTHON'
import io

import pandas as pd
from importlib.metadata import version
from sagemaker.deserializers import CSVDeserializer, PandasDeserializer
from sagemaker.serializers import CSVSerializer

print("sagemaker", version("sagemaker"), "pandas", pd.__version__)
text = CSVSerializer().serialize(pd.DataFrame([[1.5, 2], [3, 4], [5, 6]]))
print("accept:", PandasDeserializer().ACCEPT)
print("rows written:", len(text.splitlines()))
frame = PandasDeserializer().deserialize(io.BytesIO(text.encode()), "text/csv")
print("rows read as a frame:", len(frame), "columns:", list(frame.columns))
print("rows read as lists:", len(CSVDeserializer().deserialize(io.BytesIO(text.encode()), "text/csv")))
PYTHON
seen=$("$python" "$folder/frame.py" 2>"$folder/stderr") || { cat "$folder/stderr"; exit 1; }
printf '%s\n' "$seen"
grep -qF 'rows written: 3' <<<"$seen"
grep -qF "rows read as a frame: 2 columns: ['1.5', '2']" <<<"$seen"
grep -qF 'rows read as lists: 3' <<<"$seen"
