"""FastAPI + uvicorn + ONNX Runtime: POST /predict {"<input>": [[…]]} -> {"<output>": [[…]]}.

As the documentation of both advises for CPU work: uvloop and httptools (uvicorn[standard]), one worker process per core,
no access log. `async def` keeps the run on the event loop: for a model of 10 us a hop to the thread pool costs more
than the run. FastAPI has no batching. MODEL is the path of the .onnx file.
"""

import os

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI

options = ort.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
input_name = session.get_inputs()[0].name
output_name = session.get_outputs()[0].name

app = FastAPI()


@app.post("/predict")
async def predict(body: dict[str, list[list[float]]]) -> dict[str, list[list[float]]]:
    rows = np.asarray(body[input_name], dtype=np.float32)
    return {output_name: session.run([output_name], {input_name: rows})[0].tolist()}
