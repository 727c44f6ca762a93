"""BentoML + ONNX Runtime: POST /predict {"rows": [[…]]} -> [[…]].

Adaptive batching on (batchable=True with a latency objective), one worker, no metrics and no tracing. MODEL is the
path of the .onnx file.
"""

import os

import bentoml
import numpy as np
import onnxruntime as ort


@bentoml.service(workers=1, traffic={"timeout": 30}, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Bench:
    def __init__(self) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name
        self.output_name = self.session.get_outputs()[0].name

    @bentoml.api(batchable=True, max_batch_size=64, max_latency_ms=100)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.session.run([self.output_name], {self.input_name: rows.astype(np.float32)})[0]
