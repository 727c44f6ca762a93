"""Explanations of an example model by other means: numpy and onnxruntime instead of the engine. test/goldens compares.

The definitions are those of docs/guides/explanations.md; the random numbers are src/base/random.ts's, so that the
permutations are the same ones. Run after train.py:  tools/train/.venv/bin/python tools/train/explain_goldens.py
"""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[2]
MODEL = "wine-mlp"
OUT = ROOT / "test/goldens/explain-goldens.json"
MASK = 0xFFFFFFFF
REPEATS, SEED = 4, 11


class Xorshift32:
    """G. Marsaglia, "Xorshift RNGs", 2003, with the scrambling of the seed that src/base/random.ts describes."""

    def __init__(self, seed: int) -> None:
        self.state = ((seed ^ 0x9E3779B9) * 0x85EBCA6B) & MASK or 1
        for _ in range(8):
            self.next()

    def next(self) -> float:
        x = self.state
        x ^= (x << 13) & MASK
        x ^= x >> 17
        x ^= (x << 5) & MASK
        self.state = x
        return x / 2**32


def permutation(count: int, random: Xorshift32) -> list[int]:
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(random.next() * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order


def main() -> None:
    golden = json.loads((ROOT / f"examples/models/{MODEL}/golden.json").read_text())
    name, field = next(iter(golden["inputs"].items()))
    rows = np.array(field["data"], dtype=np.float32).reshape(field["shape"])
    session = onnxruntime.InferenceSession(ROOT / f"examples/models/{MODEL}/model.onnx")

    def f(inputs: np.ndarray) -> np.ndarray:
        return session.run(None, {name: inputs})[0][:, 0].astype(np.float64)

    outputs, count, width = f(rows), rows.shape[0], rows.shape[1]
    baseline = rows.astype(np.float64).mean(axis=0).astype(np.float32)
    contributions = np.empty((count, width))
    for column in range(width):
        changed = rows.copy()
        changed[:, column] = baseline[column]
        contributions[:, column] = outputs - f(changed)

    targets = np.arange(count, dtype=np.float64) % 5
    scores = {
        "variance": lambda out: ((out - outputs) ** 2).mean() / 2,
        "mae": lambda out: np.abs(out - targets).mean() - np.abs(outputs - targets).mean(),
        "r2": lambda out: (((out - targets) ** 2).mean() - ((outputs - targets) ** 2).mean()) / targets.var(),
    }
    importances: dict[str, list[list[float]]] = {}
    for metric, drop in scores.items():
        random = Xorshift32(SEED)
        importances[metric] = []
        for column in range(width):
            values = []
            for _ in range(REPEATS):
                changed = rows.copy()
                changed[:, column] = rows[permutation(count, random), column]
                values.append(float(drop(f(changed))))
            importances[metric].append(values)
    OUT.write_text(json.dumps({
        "model": MODEL, "input": name, "shape": field["shape"], "seed": SEED, "repeats": REPEATS,
        "targets": targets.tolist(), "outputs": outputs.tolist(), "contributions": contributions.tolist(),
        "importances": importances,
    }) + "\n")
    print(f"{OUT}: {count} rows, {width} columns")


if __name__ == "__main__":
    main()
