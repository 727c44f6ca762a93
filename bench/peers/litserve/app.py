"""LitServe + ONNX Runtime: POST /predict {"<input>": [[…]]} -> {"<output>": [[…]]}.

Dynamic batching on (max_batch_size, a short batch_timeout) and the fast queue, as its documentation advises for small
models under high load. MODEL, PORT from the environment.
"""

import os

import litserve as ls
import numpy as np
import onnxruntime as ort


class Model(ls.LitAPI):
    def setup(self, device):
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name
        self.output_name = self.session.get_outputs()[0].name

    def decode_request(self, request):
        return np.asarray(request[self.input_name], dtype=np.float32)

    def batch(self, inputs):
        return np.concatenate(inputs)

    def predict(self, rows):
        return self.session.run([self.output_name], {self.input_name: rows})[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {self.output_name: [output.tolist()]}


if __name__ == "__main__":
    api = Model(max_batch_size=64, batch_timeout=0.001)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), generate_client_file=False, log_level="warning")
