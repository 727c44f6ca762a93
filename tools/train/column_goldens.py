"""A scikit-learn pipeline over a table of mixed columns, exported whole by skl2onnx: one input [N,1] a column.

Writes test/models/mixed-columns.onnx, and rows with scikit-learn's own answers to test/predict/column-goldens.json. Run by
hand, in the same environment:  tools/train/.venv/bin/python tools/train/column_goldens.py
"""
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import BooleanTensorType, DoubleTensorType, FloatTensorType, Int64TensorType, StringTensorType
from skl2onnx.sklapi import CastTransformer
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from example_model import IR_VERSION, ML_OPSET, OPSET

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "test/models/mixed-columns.onnx"
GOLDENS = ROOT / "test/predict/column-goldens.json"
SEED, ROWS, KEPT = 11, 400, 8
TYPES = [("age", FloatTensorType([None, 1])), ("income", DoubleTensorType([None, 1])),
         ("children", Int64TensorType([None, 1])), ("owner", BooleanTensorType([None, 1])),
         ("region", StringTensorType([None, 1]))]


def table() -> pd.DataFrame:
    random = np.random.default_rng(SEED)
    frame = pd.DataFrame({
        "age": random.uniform(18, 80, ROWS).round(1).astype(np.float32),
        "income": random.lognormal(10, 0.5, ROWS).round(2),
        "children": random.integers(0, 5, ROWS),
        "owner": random.random(ROWS) < 0.4,
        "region": random.choice(["north", "south", "île"], ROWS),
    })
    frame.loc[random.random(ROWS) < 0.1, "age"] = np.nan
    return frame


def answers(frame: pd.DataFrame) -> np.ndarray:
    score = frame["income"] / 20_000 + 0.8 * frame["owner"] - 0.4 * frame["children"] + (frame["region"] == "north")
    return np.where(score + np.random.default_rng(SEED).normal(scale=0.4, size=ROWS) > 1.4, "granted", "refused")


def main() -> None:
    frame = table()
    columns = ColumnTransformer([
        ("age", make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        # skl2onnx takes the widest dtype for all of them, which its classifier then refuses: cast the wider ones.
        ("income", make_pipeline(CastTransformer(), StandardScaler()), ["income"]),
        ("children", make_pipeline(CastTransformer(), StandardScaler()), ["children"]),
        ("owner", CastTransformer(), ["owner"]),
        ("region", OneHotEncoder(handle_unknown="ignore"), ["region"]),
    ])
    fitted = make_pipeline(columns, LogisticRegression()).fit(frame, answers(frame))
    model = to_onnx(fitted, initial_types=TYPES, name="mixed-columns", options={"zipmap": False},
                    target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET})
    model.ir_version, model.producer_version = IR_VERSION, ""
    content = model.SerializeToString(deterministic=True)
    kept = frame.iloc[:KEPT].copy()
    kept.loc[1, "age"] = np.nan
    kept.loc[2, "region"] = "elsewhere"
    label, probabilities = fitted.predict(kept), fitted.predict_proba(kept)
    check(content, kept, label, probabilities)
    MODEL.write_bytes(content)
    rows = [{name: None if pd.isna(value) else value for name, value in row.items()}
            for row in json.loads(kept.to_json(orient="records", double_precision=15))]
    GOLDENS.write_text(json.dumps({"classes": list(fitted.classes_), "rows": rows, "label": list(label),
                                   "probabilities": probabilities.tolist()}, ensure_ascii=False, indent=1) + "\n")
    print(f"{len(content)} bytes, {dict(zip(*np.unique(label, return_counts=True)))}")


def check(content: bytes, kept: pd.DataFrame, label: np.ndarray, probabilities: np.ndarray) -> None:
    """ONNX Runtime agrees with scikit-learn before anything is written."""
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    inputs = {name: kept[[name]].to_numpy(dtype=object if name == "region" else None) for name, _ in TYPES}
    told, scores = session.run(["label", "probabilities"], inputs)
    assert list(told) == list(label) and np.abs(scores - probabilities).max() < 1e-5


if __name__ == "__main__":
    main()
