"""Triton's Python backend around ONNX Runtime. The requests of a batch are run as one batch."""

import os

import numpy as np
import onnxruntime as ort
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name
        self.output_name = self.session.get_outputs()[0].name

    def execute(self, requests):
        parts = [pb_utils.get_input_tensor_by_name(request, "rows").as_numpy() for request in requests]
        output = self.session.run([self.output_name], {self.input_name: np.concatenate(parts)})[0]
        responses = []
        first = 0
        for part in parts:
            tensor = pb_utils.Tensor("scores", output[first : first + len(part)])
            responses.append(pb_utils.InferenceResponse(output_tensors=[tensor]))
            first += len(part)
        return responses
