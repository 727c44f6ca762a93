"""Ray Serve + ONNX Runtime: POST / {"<input>": [[…]]} -> {"<output>": [[…]]}.

One replica with @serve.batch, as its documentation advises. MODEL, PORT from the environment.
"""

import os
import signal

import numpy as np
import onnxruntime as ort
import ray
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=1, max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Model:
    def __init__(self, path: str) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.input_name = self.session.get_inputs()[0].name
        self.output_name = self.session.get_outputs()[0].name

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)
    async def predict(self, rows: list) -> list:
        batch = np.asarray([row for body in rows for row in body[self.input_name]], dtype=np.float32)
        output = self.session.run([self.output_name], {self.input_name: batch})[0]
        return [{self.output_name: [row.tolist()]} for row in output]

    async def __call__(self, request: Request) -> dict:
        return await self.predict(await request.json())


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Model.bind(os.path.abspath(os.environ["MODEL"])), route_prefix="/")
    signal.sigwait([signal.SIGTERM, signal.SIGINT])
    serve.shutdown()
    ray.shutdown()
