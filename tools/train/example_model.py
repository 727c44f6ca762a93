"""An example model: its ONNX graph, golden rows and held-out metrics, and how they are written and checked.

The golden outputs are always computed by the library that trained the model, never by ONNX Runtime: they are what the
engine has to reproduce. `write` compares ONNX Runtime with them on every held-out row and keeps a few; `check` repeats
that on the kept ones, and is what the trainer and the test share.
"""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

# Old enough for every runtime of the last years, new enough for all operators used here.
IR_VERSION = 8
OPSET = 17
ML_OPSET = 3
GOLDEN_ROWS = 16
MODEL_BYTES_MAX = 2_000_000


@dataclass
class ExampleModel:
    """One folder of examples/models.

    inputs, outputs: every held-out row, row axis first; outputs as the training library predicts them.
    headline: the metrics in one line, for the table of the README.
    golden_rows: which of the rows become golden.json.
    """

    name: str
    what: str
    model: onnx.ModelProto
    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]
    library: str
    data: str
    metrics: dict[str, object]
    headline: str
    relative: float = 1e-4
    absolute: float = 1e-5
    golden_rows: Sequence[int] = range(GOLDEN_ROWS)


def write(folder: Path, example: ExampleModel) -> None:
    """Writes model.onnx, golden.json and metrics.json; refuses a model that is too large or differs on a held-out row."""
    target = folder / example.name
    target.mkdir(parents=True, exist_ok=True)
    model = example.model
    model.producer_name, model.producer_version = "penstock tools/train", ""
    model.doc_string = f"{example.what}. Data: {example.data}."
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    if len(content) > MODEL_BYTES_MAX:
        raise SystemExit(
            f"Expected {example.name} to be at most {MODEL_BYTES_MAX} bytes but received {len(content)}; "
            "limit its trees or layers")
    tolerance = {"relative": example.relative, "absolute": example.absolute}
    run_and_compare(example.name, content, example.inputs, example.outputs, tolerance)
    rows = list(example.golden_rows)
    golden = {
        "library": example.library,
        "tolerance": tolerance,
        "inputs": {name: tensor_json(value[rows]) for name, value in example.inputs.items()},
        "outputs": {name: tensor_json(value[rows]) for name, value in example.outputs.items()},
    }
    (target / "model.onnx").write_bytes(content)
    (target / "golden.json").write_text(golden_text(golden))
    metrics = {"model": example.name, "what": example.what, "library": example.library, "data": example.data,
               "sizeBytes": len(content), **example.metrics}
    (target / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")


def golden_text(golden: dict) -> str:
    """JSON with one row of numbers a line: a diff then shows which rows changed."""
    lines = ["{", f'  "library": {json.dumps(golden["library"])},',
             f'  "tolerance": {json.dumps(golden["tolerance"])},']
    for side in ("inputs", "outputs"):
        lines.append(f'  "{side}": {{')
        tensors = list(golden[side].items())
        for index, (name, tensor) in enumerate(tensors):
            rows = tensor["shape"][0]
            width = len(tensor["data"]) // rows
            parts = [json.dumps(tensor["data"][row * width:(row + 1) * width])[1:-1] for row in range(rows)]
            data = ",\n        ".join(parts)
            comma = "," if index + 1 < len(tensors) else ""
            lines.append(f'    "{name}": {{ "dtype": "{tensor["dtype"]}", "shape": {json.dumps(tensor["shape"])}, '
                         f'"data": [\n        {data}\n    ] }}{comma}')
        lines.append("  }," if side == "inputs" else "  }")
    return "\n".join(lines + ["}"]) + "\n"


def tensor_json(array: np.ndarray) -> dict:
    """Flat, row-major. A float32 is written with the fewest digits that read back as the same float32."""
    if array.dtype == np.float32:
        data = [float(str(value)) for value in array.ravel()]
    elif array.dtype == np.int64:
        data = [int(value) for value in array.ravel()]
    else:
        raise TypeError(f"Expected a golden tensor to be float32 or int64 but received {array.dtype}")
    return {"dtype": str(array.dtype), "shape": list(array.shape), "data": data}


def check(folder: Path) -> float:
    """Runs ONNX Runtime on the golden inputs of `folder`.

    Returns the greatest difference as a share of the tolerance (at most 1 is a pass). Raises AssertionError with the
    place and both numbers when an output is outside it.
    """
    golden = json.loads((folder / "golden.json").read_text())
    inputs = {name: array_of(tensor) for name, tensor in golden["inputs"].items()}
    outputs = {name: array_of(tensor) for name, tensor in golden["outputs"].items()}
    return run_and_compare(folder.name, (folder / "model.onnx").read_bytes(), inputs, outputs, golden["tolerance"])


def run_and_compare(model: str, content: bytes, inputs: dict, outputs: dict, tolerance: dict) -> float:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    assert names == list(outputs), f"{model}: expected outputs {list(outputs)} but received {names}"
    return max(compare(model, name, value, outputs[name], tolerance)
               for name, value in zip(names, session.run(None, inputs)))


def compare(model: str, name: str, received: np.ndarray, expected: np.ndarray, tolerance: dict) -> float:
    """Greatest |received - expected| / (absolute + relative * |expected|); integers must be equal."""
    assert received.shape == expected.shape, f"{model}.{name}: expected shape {expected.shape} but received {received.shape}"
    assert received.dtype == expected.dtype, f"{model}.{name}: expected {expected.dtype} but received {received.dtype}"
    assert np.isfinite(expected).all(), f"{model}.{name}: the golden output is not finite"
    difference = np.abs(received.astype(np.float64) - expected.astype(np.float64))
    if expected.dtype == np.int64:
        assert (difference == 0).all(), f"{model}.{name}: expected {expected.tolist()} but received {received.tolist()}"
        return 0.0
    share = difference / (tolerance["absolute"] + tolerance["relative"] * np.abs(expected.astype(np.float64)))
    worst = np.unravel_index(np.argmax(share), share.shape)
    assert share[worst] <= 1, (
        f"{model}.{name}{list(map(int, worst))}: expected {expected[worst]} but received {received[worst]}")
    return float(share[worst])


def array_of(tensor: dict) -> np.ndarray:
    return np.array(tensor["data"], dtype=tensor["dtype"]).reshape(tensor["shape"])
