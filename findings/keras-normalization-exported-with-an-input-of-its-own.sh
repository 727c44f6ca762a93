#!/usr/bin/env bash
# Keras 3.15.1 over TensorFlow writes an adapted Normalization layer to ONNX with graph inputs too many: the mean that is
# subtracted and the variance whose root divides are no initialisers but further required inputs of shape [1, n] beside
# the network's own. The model cannot be run without sending them with every request. A Rescaling layer in its place is
# written whole. Way out: make them initialisers with the onnx package, or scale by Rescaling.
# Seen with tensorflow-cpu 2.21.0, tf2onnx 1.17.0, Python 3.11. Source: run here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
"$python" -m pip install --quiet --disable-pip-version-check \
  tensorflow-cpu==2.21.0 keras==3.15.1 tf2onnx==1.17.0 onnx==1.23.2 numpy==2.4.6 protobuf==7.36.2
cat >"$folder/convert.py" <<'PYTHON'
import os
import sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import keras
import numpy as np
import onnx
from keras import layers

rows = np.random.default_rng(0).normal(10, 4, (64, 3)).astype(np.float32)
adapted = layers.Normalization()
adapted.adapt(rows)
print("keras", keras.__version__)
for layer in (layers.Rescaling(0.1), adapted):
    path = os.path.join(sys.argv[1], "model.onnx")
    model = keras.Sequential([keras.Input((3,)), layer, layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(rows, rows[:, :2], verbose=0)
    model.export(path, format="onnx", verbose=False)
    graph = onnx.load(path).graph
    values = {tensor.name for tensor in graph.initializer}
    wanted = [value.name for value in graph.input if value.name not in values]
    print(type(layer).__name__, len(wanted), "required inputs:", ", ".join(wanted))
PYTHON
seen=$("$python" "$folder/convert.py" "$folder" 2>/dev/null)
printf '%s\n' "$seen"
grep -q '^Rescaling 1 required inputs' <<<"$seen"
grep -q '^Normalization 3 required inputs: .*normalization' <<<"$seen"
