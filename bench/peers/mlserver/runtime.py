"""A custom MLServer runtime around ONNX Runtime; MODEL is the path of the .onnx file.

settings.json and model-settings.json beside it: adaptive batching on, parallel workers off (MLServer's documentation:
their inter-process calls show with lightweight models), metrics and gzip off.
"""

import os

import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self._input_name = self._session.get_inputs()[0].name
        self._output_name = self._session.get_outputs()[0].name
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        output = self._session.run([self._output_name], {self._input_name: rows})[0]
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output(name=self._output_name, payload=output)]
        )
