"""Prints examples/models/README.md: one table of all example models, from what their training has just measured."""
from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, ValueInfoProto

from example_model import ExampleModel

HEAD = """# Example models

Trained and exported by `tools/train/run.sh`, which also writes this page. Each folder has

- `model.onnx`;
- `golden.json`: held-out rows and what the *training library* predicts for them, with the tolerance to meet:
  `{"library", "tolerance": {"relative", "absolute"}, "inputs": {name: {"dtype", "shape", "data"}}, "outputs": …}`;
- `metrics.json`: metrics on all held-out rows beside those of simple baselines, rows and seed.

A received number passes when it differs from the expected one by at most `absolute + relative · |expected|`; integers
must be equal. N is the row axis. Metrics are of rows that the model was not trained on.

| model | what | inputs → outputs | held-out metrics | kB |
|---|---|---|---|---|
"""

TAIL = """
## Data and licences

- **Wine Quality**: P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis, 2009, UCI Machine Learning Repository, CC BY 4.0.
  The wine models are derived from it; the tables themselves are not part of the project. `features` are, in this order:
  fixed acidity, volatile acidity, citric acid, residual sugar, chlorides, free sulfur dioxide, total sulfur dioxide,
  density, pH, sulphates, alcohol (units as in the data set) and the colour (red 0, white 1). Repeated rows are dropped
  before the split, so the numbers are lower than those often quoted for this data set.
- **Digits**: the 8 × 8 images bundled with scikit-learn, from Optical Recognition of Handwritten Digits, E. Alpaydin,
  C. Kaynak, 1998, UCI Machine Learning Repository, CC BY 4.0.
- `fraud-mlp` and `two-by-two` are trained on rows that their scripts make up, `review-encoder` and `review-sentiment` on
  reviews that `tools/train/reviews.py` makes up: no guest wrote one. Their tokenizer is `../tokenizers/reviews.json`.
"""


def write(folder: Path, examples: list[ExampleModel]) -> None:
    rows = [row_of(folder, example) for example in examples]
    (folder / "README.md").write_text(HEAD + "\n".join(rows) + "\n" + TAIL)


def row_of(folder: Path, example: ExampleModel) -> str:
    graph = onnx.load(folder / example.name / "model.onnx").graph
    signature = f"{fields(graph.input)} → {fields(graph.output)}"
    kilobytes = (folder / example.name / "model.onnx").stat().st_size / 1000
    return f"| `{example.name}` | {example.what} | {signature} | {example.headline} | {kilobytes:.1f} |"


def fields(values: list[ValueInfoProto]) -> str:
    return ", ".join(field(value) for value in values)


def field(value: ValueInfoProto) -> str:
    tensor = value.type.tensor_type
    dims = ",".join(dim.dim_param or str(dim.dim_value) for dim in tensor.shape.dim)
    dtype = {"float": "float32"}.get(TensorProto.DataType.Name(tensor.elem_type).lower(), "int64")
    return f"`{value.name}` {dtype} [{dims}]"
