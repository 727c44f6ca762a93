"""What the makers of cases share: a case, and its two files."""

import json
import os

import numpy as np
import onnx

ROWS = 40


def output_names(model):
    return [output.name for output in onnx.load_model_from_string(model).graph.output]


def case(tool, model, inputs, answers, **more):
    """`answers` are the trainer's, in the order of the graph's outputs; None leaves an output unchecked."""
    named = zip(output_names(model), answers)
    outputs = {name: answer for name, answer in named if answer is not None}
    return {"tool": tool, "model": model, "inputs": inputs, "outputs": outputs, **more}


def plain(values):
    """Nested lists as JSON has them: NaN is null."""
    array = np.asarray(values)
    if array.dtype.kind == "f":
        return np.where(np.isnan(array), None, array.astype(object)).tolist()
    return array.tolist()


def write(folder, name, case):
    with open(os.path.join(folder, f"{name}.onnx"), "wb") as file:
        file.write(case["model"])
    facts = {
        "tool": case["tool"],
        "inputs": {key: plain(values) for key, values in case["inputs"].items()},
        "outputs": {key: plain(values) for key, values in case["outputs"].items()},
        "tolerance": case.get("tolerance", 1e-4),
        "rows": case.get("rows", True),
    }
    with open(os.path.join(folder, f"{name}.json"), "w") as file:
        json.dump(facts, file)
