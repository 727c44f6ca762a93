"""Runs every example model in ONNX Runtime against its golden rows; needs numpy, onnx and onnxruntime, no data set.

    tools/train/.venv/bin/python tools/train/test_goldens.py
"""
from __future__ import annotations

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import example_model

MODELS = Path(__file__).resolve().parents[2] / "examples/models"
FOLDERS = sorted(path.parent for path in MODELS.glob("*/golden.json"))


class Goldens(unittest.TestCase):
    def test_there_are_models(self) -> None:
        self.assertGreaterEqual(len(FOLDERS), 9)

    def test_every_model_meets_its_golden_rows(self) -> None:
        for folder in FOLDERS:
            with self.subTest(folder.name):
                self.assertLessEqual(example_model.check(folder), 1)

    def test_every_model_beats_its_baselines(self) -> None:
        for folder in FOLDERS:
            metrics = json.loads((folder / "metrics.json").read_text())
            for name, baseline in metrics.get("baselines", {}).items():
                for metric in baseline.keys() & {"rmse", "r2", "accuracy", "rocAuc", "averagePrecision", "brier"}:
                    sign = -1 if metric in ("rmse", "brier") else 1
                    with self.subTest(f"{folder.name}: {metric} against {name}"):
                        self.assertGreater(sign * metrics["heldOut"][metric], sign * baseline[metric])

    def test_all_models_together_stay_small(self) -> None:
        self.assertLess(sum((folder / "model.onnx").stat().st_size for folder in FOLDERS), 4_000_000)

    def test_canary_a_changed_golden_row_fails(self) -> None:
        for place in ("outputs", "inputs"):
            with tempfile.TemporaryDirectory() as scratch, self.subTest(place):
                folder = Path(shutil.copytree(MODELS / "wine-mlp", Path(scratch) / "wine-mlp"))
                golden = json.loads((folder / "golden.json").read_text())
                next(iter(golden[place].values()))["data"][0] += 0.5
                (folder / "golden.json").write_text(json.dumps(golden))
                with self.assertRaisesRegex(AssertionError, "wine-mlp.quality"):
                    example_model.check(folder)


if __name__ == "__main__":
    unittest.main()
