"""Networks: one that was quantised with scales taken over the whole batch, whose rows therefore depend on each other."""

import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic
from skl2onnx import to_onnx
from sklearn import neural_network, pipeline, preprocessing

from estimators import order, wine_x, wine_y
from exported import case


def alone(model, name, rows):
    """What ONNX Runtime says of each row by itself."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answers = [session.run(None, {name: rows[row : row + 1]}) for row in range(len(rows))]
    return [np.concatenate([answer[index] for answer in answers]) for index in range(len(answers[0]))]


def quantised():
    network = neural_network.MLPClassifier((64, 32), max_iter=300, random_state=0)
    fitted = pipeline.make_pipeline(preprocessing.StandardScaler(), network).fit(wine_x, wine_y)
    exported = to_onnx(fitted, wine_x[:1], options={"zipmap": False})
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "a.onnx"), os.path.join(folder, "b.onnx")
        onnx.save(exported, source)
        quantize_dynamic(source, target, weight_type=QuantType.QUInt8)
        with open(target, "rb") as file:
            model = file.read()
    sent = wine_x[order].copy()
    sent[::4] *= 50  # outliers, which take the scale of everybody in their batch
    return case("onnxruntime.quantization", model, {"X": sent}, alone(model, "X", sent), rows=False)


def cases():
    return {"quantised-mlp": quantised}
