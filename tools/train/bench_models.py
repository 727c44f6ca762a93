"""Makes the models of the compute-bound benchmarks, which are too large to commit and quick to make.

    tools/train/bench_models.sh --out build/bench-models [--only NAME ...]

Every model is checked before it is written: ONNX accepts it, ONNX Runtime runs it, its answers are finite and differ
from row to row, and rows in a batch are answered as alone. The same versions write the same bytes.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from sklearn.ensemble import RandomForestRegressor

import bench_networks
from wine import tree_model

TREES, FEATURES, FOREST_ROWS = 500, 30, 6000
# A batch may sum in another order than a row alone.
RELATIVE, ABSOLUTE = 1e-3, 1e-4
CHECKED_ROWS = 3


def forest() -> onnx.ModelProto:
    """500 trees of at most 256 leaves on 30 features; the target is a made-up function with noise."""
    random = np.random.default_rng(bench_networks.SEED)
    features = random.normal(size=(FOREST_ROWS, FEATURES)).astype(np.float32)
    target = np.sin(features[:, :5]).sum(1) + features[:, 5] * features[:, 6] + random.normal(size=FOREST_ROWS)
    regressor = RandomForestRegressor(n_estimators=TREES, max_leaf_nodes=256, max_features=0.3, random_state=bench_networks.SEED)
    return tree_model("forest", regressor.fit(features, target), FEATURES, "score")


MAKERS = {
    "resnet50": bench_networks.resnet50,
    "mobilenet-v3-large": bench_networks.mobilenet_v3_large,
    "encoder": bench_networks.encoder,
    "forest": forest,
    "image-mean": bench_networks.image_mean,
}


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the models of the compute-bound benchmarks.")
    parser.add_argument("--out", type=Path, required=True, help="folder for NAME.onnx")
    parser.add_argument("--only", nargs="+", choices=MAKERS, help="these alone")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.only or MAKERS:
        content = checked(name, MAKERS[name]())
        target = arguments.out / f"{name}.onnx"
        partial = target.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(target)
        print(f"{name}: {len(content) / 1e6:.1f} MB", flush=True)
    return 0


def checked(name: str, model: onnx.ModelProto) -> bytes:
    model.producer_name, model.producer_version = "penstock tools/train", ""
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    feeds = rows_of(session)
    (together,) = session.run(None, feeds)
    alone = np.concatenate([session.run(None, {key: value[row:row + 1] for key, value in feeds.items()})[0]
                            for row in range(CHECKED_ROWS)])
    assert np.isfinite(together).all(), f"{name}: answers are not finite"
    assert np.abs(together[0] - together[1]).max() > 5 * ABSOLUTE, f"{name}: rows are answered alike"
    assert np.allclose(together, alone, RELATIVE, ABSOLUTE), (
        f"{name}: rows in a batch differ from rows alone by {np.abs(together - alone).max()}")
    return content


def rows_of(session: onnxruntime.InferenceSession) -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    feeds = {}
    for field in session.get_inputs():
        dims = [CHECKED_ROWS if axis == 0 else dim if isinstance(dim, int) else 16 for axis, dim in enumerate(field.shape)]
        if field.name == "attention_mask":
            feeds[field.name] = (np.arange(dims[1]) < [[5], [9], [16]]).astype(np.int64)
        elif field.type == "tensor(int64)":
            feeds[field.name] = random.integers(0, bench_networks.VOCABULARY, dims)
        else:
            feeds[field.name] = random.normal(size=dims).astype(np.float32)
    return feeds


if __name__ == "__main__":
    sys.exit(main())
