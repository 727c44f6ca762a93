"""Golden results of penstock/transforms: what numpy, scikit-learn, scipy and ONNX's reference evaluator make of the same
inputs. Writes test/transforms/goldens.json: one case a line of `name`, `input`, `options`, `expected` and `tolerance`
(times the larger of 1 and the value; 0 means the same bits, NaN aside). Numbers that JSON lacks are the strings NaN, Infinity and -Infinity.

    python transform_goldens.py [--out FILE]
"""
from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from scipy.special import softmax
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

SEED = 14
DTYPES = {np.dtype(ml_dtypes.bfloat16): "bfloat16"}
OUT = Path(__file__).parents[2] / "test" / "transforms" / "goldens.json"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    cases = [*columns(), *encoders(), *scores(), *images(), *rows(), *casts(), *quantised()]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
    print(f"{len(cases)} cases, {out.stat().st_size} bytes")


def case(transform: str, name: str, source: np.ndarray, options: dict, expected, tolerance: float = 0.0) -> dict:
    results = {key: tensor(value) for key, value in expected.items()} if isinstance(expected, dict) else tensor(expected)
    return {"transform": transform, "name": name, "input": tensor(source), "options": plain(options),
            "expected": results, "tolerance": tolerance}


def tensor(array: np.ndarray) -> dict:
    array = np.asarray(array)
    dtype = DTYPES.get(array.dtype, str(array.dtype))
    # 16-bit floats travel as their bits.
    flat = array.view(np.uint16).ravel() if dtype in ("float16", "bfloat16") else array.ravel()
    return {"dtype": dtype, "shape": list(array.shape), "data": plain(flat)}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(member) for member in value]
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if isinstance(value, np.bool_):
        return int(value)
    return int(value) if isinstance(value, np.integer) else value


def features(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return (random.normal(size=(rows, columns)) * random.gamma(2.0, 10.0, size=columns)).astype(np.float32)


def columns() -> list[dict]:
    random = np.random.default_rng(SEED)
    train, test = features(random, 50, 7), features(random, 9, 7)
    standard, minmax = StandardScaler().fit(train), MinMaxScaler().fit(train)
    broken = test.copy()
    broken[random.random(test.shape) < 0.3] = np.nan
    holes = train.copy()
    holes[::5, 3] = np.nan
    mean, constant = SimpleImputer(strategy="mean").fit(holes), SimpleImputer(strategy="constant", fill_value=-1.0).fit(holes)
    edges = np.array([[np.nan, np.inf, -np.inf, -0.0, 0.0, 2.0, -2.0]], dtype=np.float32)
    return [
        # Parameters are float64 in scikit-learn and float32 here: a rounding or two apart.
        case("normalise", "StandardScaler", test, {"mean": standard.mean_, "deviation": standard.scale_},
             standard.transform(test), 4e-6),
        case("scale", "MinMaxScaler", test, {"factor": minmax.scale_, "offset": minmax.min_}, minmax.transform(test), 4e-6),
        case("impute", "SimpleImputer(mean)", broken, {"fill": mean.statistics_}, mean.transform(broken), 1e-7),
        case("impute", "SimpleImputer(constant)", broken, {"fill": constant.statistics_}, constant.transform(broken)),
        case("clip", "numpy.clip", test, {"low": -5.0, "high": 7.5}, np.clip(test, np.float32(-5), np.float32(7.5))),
        case("clip", "numpy.clip at the edges", edges, {"low": -1.0, "high": 1.0},
             np.clip(edges, np.float32(-1), np.float32(1))),
    ]


def encoders() -> list[dict]:
    train = np.array([[1, 10], [2, 20], [5, 10], [2, 30]], dtype=np.int32)
    test = np.array([[2, 30], [5, 11], [9, 10]], dtype=np.int32)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32).fit(train)
    holes = np.array([[0.5], [np.nan], [2.0]], dtype=np.float32)
    with_nan = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32).fit(holes)
    odd = np.array([[np.nan], [2.0], [-1.0]], dtype=np.float32)
    return [
        case("oneHot", "OneHotEncoder", test, {"categories": [list(c) for c in encoder.categories_]}, encoder.transform(test)),
        case("oneHot", "OneHotEncoder with NaN", odd, {"categories": [list(c) for c in with_nan.categories_]},
             with_nan.transform(odd)),
    ]


def scores() -> list[dict]:
    random = np.random.default_rng(SEED + 1)
    wide = (random.normal(size=(3, 37)) * 6).astype(np.float32)
    ties = random.integers(-2, 3, size=(5, 21)).astype(np.float32)
    holes = ties.copy()
    holes[1, 7] = holes[1, 9] = np.nan
    holes[2, :] = np.nan
    holes[3, 4] = np.inf
    found = np.argsort(-holes, axis=1, kind="stable")[:, :6]
    return [
        case("softmax", "scipy.special.softmax", wide, {}, softmax(wide.astype(np.float64), axis=1).astype(np.float32), 1e-6),
        case("softmax", "softmax with NaN and infinities", holes, {}, softmax(holes, axis=1), 1e-6),
        case("argMax", "numpy.argmax", holes, {}, np.argmax(holes, axis=1).astype(np.int32)),
        case("topK", "numpy.argsort, stable", holes, {"k": 6},
             {"values": np.take_along_axis(holes, found, 1), "indices": found.astype(np.int32)}),
    ]


def images() -> list[dict]:
    random = np.random.default_rng(SEED + 2)
    nhwc = random.integers(0, 256, size=(2, 3, 4, 3)).astype(np.uint8)
    nchw = random.normal(size=(1, 2, 6, 5)).astype(np.float32)
    cases = [
        case("channelsFirst", "numpy.transpose (0, 3, 1, 2)", nhwc, {}, nhwc.transpose(0, 3, 1, 2)),
        case("channelsLast", "numpy.transpose (0, 2, 3, 1)", nchw, {}, nchw.transpose(0, 2, 3, 1)),
    ]
    for height, width in [(9, 4), (3, 11), (6, 5)]:
        for mode in ["linear", "nearest"]:
            expected = onnx_resize(nchw, height, width, mode)
            options = {"height": height, "width": width, "mode": mode}
            name = f"ONNX Resize {mode}, 6x5 to {height}x{width}"
            # Blends of numbers of either sign: absolute error counts, and the inputs are near 1.
            cases.append(case("resize", f"{name}, NCHW", nchw, {**options, "layout": "nchw"}, expected, 1e-5))
            cases.append(case("resize", f"{name}, NHWC", nchw.transpose(0, 2, 3, 1), {**options, "layout": "nhwc"},
                              expected.transpose(0, 2, 3, 1), 1e-5))
    return cases


def onnx_resize(images: np.ndarray, height: int, width: int, mode: str) -> np.ndarray:
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode=mode,
                            coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_floor")
    graph = helper.make_graph([node], "resize", [helper.make_tensor_value_info("x", TensorProto.FLOAT, images.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [helper.make_tensor("sizes", TensorProto.INT64, [4], [*images.shape[:2], height, width])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    return np.asarray(ReferenceEvaluator(model).run(None, {"x": images})[0], dtype=np.float32)


def rows() -> list[dict]:
    random = np.random.default_rng(SEED + 3)
    table = random.integers(-99, 100, size=(6, 5)).astype(np.int16)
    picked = [5, 0, 0, 3]
    placed = np.zeros((8, 5), dtype=np.int16)
    placed[[7, 1, 2, 0, 4, 3]] = table
    return [
        case("gather", "numpy.take", table, {"indices": picked}, np.take(table, picked, axis=0)),
        case("scatter", "numpy put by rows", table, {"indices": [7, 1, 2, 0, 4, 3]}, placed),
        case("pad", "numpy.pad", table, {"length": 8, "value": -7},
             np.pad(table, ((0, 0), (0, 3)), constant_values=-7)),
        case("slice", "slicing", table, {"start": 1, "end": 4}, table[:, 1:4]),
    ]


def casts() -> list[dict]:
    random = np.random.default_rng(SEED + 4)
    edges = np.array([0.0, -0.0, 1e-45, 5.9604645e-08, 2.9802322e-08, 2.9802326e-08, 6.1e-05, 65504.0, 65519.996, 65520.0,
                      -7e4, 1.0009765625, 1.00048828125, 1.00146484375, 3e38, np.inf, -np.inf], dtype=np.float32)
    floats = np.concatenate([edges, (random.normal(size=40) * 10.0 ** random.integers(-6, 6, size=40)).astype(np.float32)])
    halves = np.arange(0, 65536, 257, dtype=np.uint16).view(np.float16)
    halves = halves[~np.isnan(halves)]
    integers = np.array([-2**31, -1, 0, 1, 255, 256, 16777217, 2**31 - 1], dtype=np.int32)
    doubles = np.array([1.0 + 2.0**-11 + 2.0**-40, 65519.99999, 1e300, -1e-300, 0.1], dtype=np.float64)
    inside = np.array([-128.9, -1.5, -0.5, 0.0, 0.99, 127.9], dtype=np.float32)
    with np.errstate(over="ignore"):
        return [
            case("cast", "float32 to float16", floats, {"dtype": "float16"}, floats.astype(np.float16)),
            case("cast", "float32 to bfloat16", floats, {"dtype": "bfloat16"}, floats.astype(ml_dtypes.bfloat16)),
            case("cast", "float64 to float16", doubles, {"dtype": "float16"}, doubles.astype(np.float16)),
            case("cast", "float64 to float32", doubles, {"dtype": "float32"}, doubles.astype(np.float32)),
            case("cast", "float16 to float32", halves, {"dtype": "float32"}, halves.astype(np.float32)),
            case("cast", "int32 to float32", integers, {"dtype": "float32"}, integers.astype(np.float32)),
            case("cast", "int32 to int8, wrapping", integers, {"dtype": "int8"}, integers.astype(np.int8)),
            case("cast", "float32 to int8, inside", inside, {"dtype": "int8"}, inside.astype(np.int8)),
        ]


def quantised() -> list[dict]:
    random = np.random.default_rng(SEED + 5)
    table = (random.normal(size=(4, 6)) * 40).astype(np.float32)
    table[0, :3] = [0.25, 0.75, 1.25]  # halves of the scale: ties
    scale, zero = np.array([0.5, 0.5, 0.5, 0.1, 1.0, 3.0], dtype=np.float32), np.array([0, 3, -5, 10, 0, 100], dtype=np.int8)
    narrow = onnx_quantise("QuantizeLinear", table, scale, zero)
    return [
        case("quantize", "ONNX QuantizeLinear", table, {"dtype": "int8", "scale": scale, "zeroPoint": zero}, narrow),
        case("quantize", "ONNX QuantizeLinear, uint8", table, {"dtype": "uint8", "scale": 0.5, "zeroPoint": 128},
             onnx_quantise("QuantizeLinear", table, np.full(6, 0.5, np.float32), np.full(6, 128, np.uint8))),
        case("dequantize", "ONNX DequantizeLinear", narrow, {"scale": scale, "zeroPoint": zero},
             onnx_quantise("DequantizeLinear", narrow, scale, zero)),
    ]


def onnx_quantise(kind: str, table: np.ndarray, scale: np.ndarray, zero: np.ndarray) -> np.ndarray:
    node = helper.make_node(kind, ["x", "scale", "zero"], ["y"], axis=1)
    infos = [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
             for name, value in [("x", table), ("scale", scale), ("zero", zero)]]
    result = zero.dtype if kind == "QuantizeLinear" else np.dtype(np.float32)
    graph = helper.make_graph([node], kind, infos,
                              [helper.make_tensor_value_info("y", helper.np_dtype_to_tensor_dtype(result), None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)])
    return np.asarray(ReferenceEvaluator(model).run(None, {"x": table, "scale": scale, "zero": zero})[0])


if __name__ == "__main__":
    main()
