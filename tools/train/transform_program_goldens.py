"""Golden results of transform programs: what numpy, scikit-learn and scipy make of the same columns, and what they learn
from the same table. Writes test/transforms/program-goldens.json: one case a line of `name`, `ops`, `columns` and
`expected` columns with a `tolerance` (times the larger of 1 and the value; 0 means the same bits, NaN aside), or for a fit
`fitted` operations in place of `expected`. Numbers that JSON lacks are the strings NaN, Infinity, -Infinity and -0; null
is a missing value.

    python transform_program_goldens.py [--out FILE]
"""
from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np
from scipy.special import expit, softmax
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (Binarizer, KBinsDiscretizer, MinMaxScaler, Normalizer, OneHotEncoder, OrdinalEncoder,
                                   StandardScaler)
from sklearn.utils import murmurhash3_32

SEED = 21
OUT = Path(__file__).parents[2] / "test" / "transforms" / "program-goldens.json"
EDGES = [np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, -1e-40, 1.5, 2.5, -2.5, 3e38, -1.0, -2.0]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=OUT)
    out = parser.parse_args().out
    cases = [*scalers(), *imputers(), *encoders(), *elements(), *bins(), *tensors(), *scores(), *labels(), *pipelines(), *fits()]
    out.write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
    print(f"{len(cases)} cases, {out.stat().st_size} bytes")


def column(name: str, values, dtype: str | None = None) -> dict:
    if dtype is None:
        values = np.asarray(values)
        dtype = str(values.dtype)
        return {"name": name, "dtype": dtype, "shape": list(values.shape), "data": plain(values.ravel())}
    return {"name": name, "dtype": dtype, "shape": [len(values)], "data": plain(values)}


def plain(values) -> list:
    return [cell(value) for value in values]


def cell(value):
    if isinstance(value, (list, tuple, np.ndarray)):
        return plain(value)
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return "NaN"
        if math.isinf(number):
            return "Infinity" if number > 0 else "-Infinity"
        return "-0" if number == 0 and math.copysign(1, number) < 0 else number
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return int(value) if isinstance(value, np.integer) else value


def case(name: str, ops: list, columns: list, expected: list, tolerance: float = 0.0) -> dict:
    return {"name": name, "ops": ops, "columns": columns, "expected": expected, "tolerance": tolerance}


def fit(name: str, ops: list, columns: list, fitted: list, tolerance: float = 0.0) -> dict:
    return {"name": name, "ops": ops, "columns": columns, "fitted": fitted, "tolerance": tolerance}


def table(random: np.random.Generator, rows: int, dtype) -> np.ndarray:
    values = (random.normal(size=(rows, 3)) * [1.0, 40.0, 1e-3] + [0.0, 500.0, 7.0]).astype(dtype)
    return values


def both(names, values) -> list:
    return [column(name, values[:, i]) for i, name in enumerate(names)]


def scalers() -> list[dict]:
    random = np.random.default_rng(SEED)
    names, cases = ["a", "b", "c"], []
    for dtype in (np.float32, np.float64):
        train = table(random, 60, dtype)
        test = np.concatenate([table(random, 5, dtype), np.array([EDGES[:3], EDGES[3:6], EDGES[8:11]], dtype=dtype)])
        kind = np.dtype(dtype).name
        # The scalers of scikit-learn refuse infinities: these rows go by the same arithmetic.
        finite = np.isfinite(test).all(axis=1) | np.isnan(test).any(axis=1) & ~np.isinf(test).any(axis=1)
        usable = test[finite]
        standard, minmax = StandardScaler().fit(train), MinMaxScaler().fit(train)
        clipped = MinMaxScaler(feature_range=(-1, 2), clip=True).fit(train)
        op = {"op": "standard-scale", "columns": names, "mean": plain(standard.mean_), "scale": plain(standard.scale_)}
        cases.append(case(f"StandardScaler, {kind}", [op], both(names, usable), both(names, standard.transform(usable))))
        with np.errstate(all="ignore"):
            scaled = (test - standard.mean_.astype(dtype)) / standard.scale_.astype(dtype)
        cases.append(case(f"standardised infinities, {kind}", [op], both(names, test), both(names, scaled)))
        op = {"op": "min-max", "columns": names, "min": plain(minmax.data_min_), "max": plain(minmax.data_max_)}
        cases.append(case(f"MinMaxScaler, {kind}", [op], both(names, usable), both(names, minmax.transform(usable))))
        op = {**op, "range": [-1, 2], "clip": True}
        cases.append(case(f"MinMaxScaler(-1, 2, clip), {kind}", [op], both(names, usable), both(names, clipped.transform(usable))))
    integers = np.array([[1], [5], [-3]], dtype=np.int32)
    scaler = StandardScaler().fit(integers)
    cases.append(case("StandardScaler, int32", [{"op": "standard-scale", "columns": ["n"], "mean": plain(scaler.mean_), "scale": plain(scaler.scale_)}],
                      [column("n", integers[:, 0])], [column("n", scaler.transform(integers)[:, 0])]))
    one = np.zeros((0, 1), dtype=np.float64)
    cases.append(case("an empty table", [{"op": "standard-scale", "columns": ["n"], "mean": [1.0], "scale": [2.0]}],
                      [column("n", one[:, 0])], [column("n", one[:, 0])]))
    return cases


def imputers() -> list[dict]:
    floats = np.array([1.5, np.nan, -0.0, np.inf, np.nan, 7.25])
    cases = []
    for dtype in (np.float32, np.float64):
        source = floats.astype(dtype).reshape(-1, 1)
        filled = SimpleImputer(strategy="constant", fill_value=dtype(0.1)).fit(np.array([[dtype(0)]]))
        with np.errstate(all="ignore"):
            expected = np.where(np.isnan(source), dtype(filled.statistics_[0]), source)
        cases.append(case(f"SimpleImputer(constant), {np.dtype(dtype).name}",
                          [{"op": "impute", "columns": ["x"], "strategy": "constant", "values": [float(dtype(0.1))]}],
                          [column("x", source[:, 0])], [column("x", expected[:, 0])]))
    texts = np.array([["red"], [None], ["white"], [None]], dtype=object)
    imputed = SimpleImputer(missing_values=None, strategy="constant", fill_value="rosé").fit_transform(texts)
    cases.append(case("SimpleImputer of texts", [{"op": "impute", "columns": ["x"], "strategy": "constant", "values": ["rosé"]}],
                      [column("x", texts[:, 0], "string")], [column("x", imputed[:, 0], "string")]))
    cases.append(case("missing integers", [{"op": "impute", "columns": ["x"], "strategy": "constant", "values": [-7]}],
                      [column("x", [3, None, 2**40], "int64")], [column("x", [3, -7, 2**40], "int64")]))
    cases.append(case("missing bools", [{"op": "impute", "columns": ["x"], "strategy": "constant", "values": [True]}],
                      [column("x", [False, None, True], "bool")], [column("x", [False, True, True], "bool")]))
    return cases


def encoders() -> list[dict]:
    colours = np.array([["red"], ["white"], ["red"], [None], ["grün"], [""]], dtype=object)
    train = np.array([["white"], ["red"], ["grün"], ["𝒳"], ["ﬀ"], [None]], dtype=object)
    cases = []
    for drop, word in ((None, None), ("first", "first")):
        encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore", drop=drop).fit(train)
        import warnings
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = encoder.transform(colours)
        op = {"op": "one-hot", "columns": ["x"], "categories": [list(encoder.categories_[0])], "unknown": "ignore"}
        if word is not None:
            op["drop"] = word
        cases.append(case(f"OneHotEncoder of texts, drop={drop}", [op], [column("x", colours[:, 0], "string")], [column("x", expected)]))
    for dtype in ("float32", "int64", "bool"):
        values = {"float32": [0.1, np.nan, -0.0, 2.0], "int64": [2, 7, 2, 0], "bool": [True, False, True, True]}[dtype]
        known = {"float32": [0.0, 0.1, np.nan], "int64": [0, 2, 5], "bool": [False, True]}[dtype]
        source, seen = np.array(values, dtype=dtype).reshape(-1, 1), np.array(known, dtype=dtype).reshape(-1, 1)
        encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore", dtype=np.float32).fit(seen)
        listed = [None if isinstance(c, (float, np.floating)) and np.isnan(c) else cell(c) for c in encoder.categories_[0]]
        op = {"op": "one-hot", "columns": ["x"], "categories": [listed], "unknown": "ignore", "dtype": "float32"}
        cases.append(case(f"OneHotEncoder of {dtype}", [op], [column("x", source[:, 0])], [column("x", encoder.transform(source))]))
    binary = OneHotEncoder(sparse_output=False, drop="if_binary").fit([["red"], ["white"]])
    cases.append(case("OneHotEncoder, drop=if_binary", [{"op": "one-hot", "columns": ["x"], "categories": [["red", "white"]], "drop": "if-binary"}],
                      [column("x", ["white", "red"], "string")], [column("x", binary.transform([["white"], ["red"]]))]))
    infrequent = OneHotEncoder(sparse_output=False, handle_unknown="infrequent_if_exist", min_frequency=2).fit([["a"]] * 3 + [["b"]] * 2 + [["c"]])
    cases.append(case("OneHotEncoder, infrequent_if_exist", [{"op": "one-hot", "columns": ["x"], "categories": [["a", "b"]], "unknown": "other"}],
                      [column("x", ["b", "c", "zz", "a"], "string")], [column("x", infrequent.transform([["b"], ["c"], ["zz"], ["a"]]))]))
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    # None is a category like others to it; what is missing is NaN.
    ordinal.fit(np.where(train == None, np.nan, train))  # noqa: E711
    known = [c for c in ordinal.categories_[0] if isinstance(c, str)]
    cases.append(case("OrdinalEncoder of texts", [{"op": "ordinal", "columns": ["x"], "categories": [known], "unknown": "use-value",
                                                   "unknownValue": -1, "missingValue": -2, "dtype": "float64"}],
                      [column("x", colours[:, 0], "string")], [column("x", ordinal.transform(np.where(colours == None, np.nan, colours))[:, 0])]))  # noqa: E711
    holes = OrdinalEncoder().fit(np.array([[3.0], [1.0], [np.nan]]))
    cases.append(case("OrdinalEncoder keeps NaN", [{"op": "ordinal", "columns": ["x"], "categories": [[1.0, 3.0]]}],
                      [column("x", np.array([3.0, np.nan, 1.0]))], [column("x", holes.transform([[3.0], [np.nan], [1.0]])[:, 0])]))
    many = [f"k{i:03d}" for i in range(300)]
    wide = OrdinalEncoder(dtype=np.int32).fit([[k] for k in many])
    asked = [many[i] for i in (299, 0, 17, 256)]
    cases.append(case("OrdinalEncoder of 300 categories", [{"op": "ordinal", "columns": ["x"], "categories": [many], "dtype": "int32"}],
                      [column("x", asked, "string")], [column("x", wide.transform([[k] for k in asked])[:, 0])]))
    hashed = ["", "a", "wine", "grün", "a longer text than four bytes"]
    cases.append(case("murmurhash3_32 of texts", [{"op": "hash", "columns": ["x"], "buckets": 1000, "seed": 7}], [column("x", hashed, "string")],
                      [column("x", [murmurhash3_32(t, seed=7, positive=True) % 1000 for t in hashed], "int64")]))
    integers = [0, -1, 2**40, 12345]
    cases.append(case("murmurhash3_32 of integers", [{"op": "hash", "columns": ["x"], "buckets": 2**32}], [column("x", integers, "int64")],
                      [column("x", [murmurhash3_32(np.int64(n).tobytes(), positive=True) for n in integers], "int64")]))
    return cases


def elements() -> list[dict]:
    cases = []
    for dtype in (np.float32, np.float64):
        kind = np.dtype(dtype).name
        with np.errstate(all="ignore"):
            x = np.array(EDGES, dtype=dtype)
            cases += [
                case(f"numpy.clip, {kind}", [{"op": "clip", "columns": ["x"], "low": -1, "high": 2}], [column("x", x)], [column("x", np.clip(x, dtype(-1), dtype(2)))]),
                case(f"numpy.clip, low alone, {kind}", [{"op": "clip", "columns": ["x"], "low": -0.5}], [column("x", x)], [column("x", np.clip(x, dtype(-0.5), None))]),
                case(f"numpy.log1p, {kind}", [{"op": "log1p", "columns": ["x"]}], [column("x", x)], [column("x", np.log1p(x))], 2e-7 if dtype is np.float32 else 4e-16),
                case(f"scipy.special.expit, {kind}", [{"op": "sigmoid", "columns": ["x"]}], [column("x", x)], [column("x", expit(x))], 2e-7 if dtype is np.float32 else 4e-16),
            ]
            small = np.array([0.125, 2.675, -1.005, 1234.5678, -0.04, np.nan, np.inf, 25.0, 35.0], dtype=dtype)
            for decimals in (0, 2, -1):
                cases.append(case(f"numpy.round({decimals}), {kind}", [{"op": "round", "columns": ["x"], "decimals": decimals}],
                                  [column("x", small)], [column("x", np.round(small, decimals))]))
            finite = np.array([0.49, 0.5, 0.51, -0.0], dtype=dtype)
            cases.append(case(f"Binarizer, {kind}", [{"op": "threshold", "columns": ["x"], "value": 0.5}], [column("x", finite)],
                              [column("x", Binarizer(threshold=0.5).fit_transform(finite.reshape(-1, 1))[:, 0])]))
    integers = np.array([-300, 5, 127, 2**31 - 1], dtype=np.int32)
    cases.append(case("numpy.clip, int32", [{"op": "clip", "columns": ["x"], "low": -128, "high": 127}], [column("x", integers)], [column("x", np.clip(integers, -128, 127))]))
    cases.append(case("numpy.log1p of integers", [{"op": "log1p", "columns": ["x"]}], [column("x", np.array([0, 1, 1000], dtype=np.int64))],
                      [column("x", np.log1p(np.array([0, 1, 1000])))], 4e-16))
    floats = np.array([1.9, -1.9, 0.0, -0.0, 126.999])
    for to in ("int8", "int64", "bool", "float32", "float16"):
        cases.append(case(f"numpy.astype({to})", [{"op": "cast", "columns": ["x"], "dtype": to}], [column("x", floats)],
                          [column("x", floats.astype(to)) if to != "float16" else column("x", floats.astype(to).astype(np.float32), "float16")]))
    texts = ["1.5", " -2e3 ", "+7", "inf", "nan", "1e400", "0x1p", ".5"]
    readable = [t for t in texts if t != "0x1p"]
    cases.append(case("Python's float()", [{"op": "cast", "columns": ["x"], "dtype": "float64"}], [column("x", readable, "string")],
                      [column("x", np.array([float(t) for t in readable]))]))
    cases.append(case("Python's int()", [{"op": "cast", "columns": ["x"], "dtype": "int32"}], [column("x", ["12", " -3", "+4"], "string")],
                      [column("x", np.array([12, -3, 4], dtype=np.int32))]))
    return cases


def bins() -> list[dict]:
    x = np.array([-1.0, 0.0, -0.0, 0.1, 1.0, 1.5, np.inf, -np.inf, np.nan])
    cases = []
    for right in (False, True):
        for count in (3, 40):
            edges = np.linspace(0, 1.5, count)
            op = {"op": "bucketise", "columns": ["x"], "edges": [plain(edges)], "right": right, "missing": "last"}
            cases.append(case(f"numpy.digitize, {count} edges, right={right}", [op], [column("x", x)], [column("x", np.digitize(x, edges, right=right))]))
    narrow = np.array([0.1, 0.2, 0.3], dtype=np.float32)
    op = {"op": "bucketise", "columns": ["x"], "edges": [[0.1, 0.2, 0.3]]}
    cases.append(case("numpy.digitize, float32", [op], [column("x", narrow)], [column("x", np.digitize(narrow, [0.1, 0.2, 0.3]))]))
    return cases


def tensors() -> list[dict]:
    random = np.random.default_rng(SEED + 1)
    a, b = random.normal(size=4).astype(np.float32), np.array([3, -1, 2**31 - 1, 0], dtype=np.int32)
    t = random.normal(size=(4, 3)).astype(np.float32)
    joined = np.concatenate([t, b[:, None].astype(np.float32), a[:, None]], axis=1)
    images = random.integers(0, 255, size=(2, 4, 5, 3)).astype(np.uint8)
    tokens = random.normal(size=(3, 6, 4)).astype(np.float32)
    mask = np.array([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 0, 0]], dtype=np.int64)
    pooled = (tokens.astype(np.float64) * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1)[:, None]
    flat = tokens.reshape(3, 24).copy()
    flat[1] = 0
    return [
        case("numpy.concatenate", [{"op": "concat", "columns": ["t", "b", "a"], "as": "x", "dtype": "float32"}],
             [column("a", a), column("t", t), column("b", b)], [column("x", joined)]),
        case("numpy.split", [{"op": "split", "column": "t", "as": ["p", "q"], "sizes": [2, 1]}], [column("t", t)], [column("p", t[:, :2]), column("q", t[:, 2])]),
        case("numpy.reshape and transpose", [{"op": "transpose", "columns": ["i"], "axes": [2, 0, 1]}, {"op": "reshape", "columns": ["i"], "shape": [6, 10]}],
             [column("i", images)], [column("i", images.transpose(0, 3, 1, 2).reshape(2, 6, 10))]),
        case("numpy.transpose of all axes", [{"op": "transpose", "columns": ["i"], "axes": [1, 0, 2]}], [column("i", images)], [column("i", images.transpose(0, 2, 1, 3))]),
        case("slicing an image", [{"op": "crop", "columns": ["i"], "height": 2, "width": 3, "layout": "nhwc", "top": 1, "left": 2}], [column("i", images)], [column("i", images[:, 1:3, 2:5])]),
        case("slicing the middle", [{"op": "crop", "columns": ["i"], "height": 2, "width": 3, "layout": "nhwc"}], [column("i", images)], [column("i", images[:, 1:3, 1:4])]),
        case("numpy.pad", [{"op": "pad", "columns": ["i"], "widths": [[1, 0], [0, 2], [0, 0]], "value": 9}], [column("i", images)],
             [column("i", np.pad(images, ((0, 0), (1, 0), (0, 2), (0, 0)), constant_values=9))]),
        case("numpy.mean over the tokens of a mask", [{"op": "mean-pool", "columns": ["e"], "mask": "m"}], [column("e", tokens), column("m", mask)],
             [column("e", pooled.astype(np.float32)), column("m", mask)], 2e-7),
        case("Normalizer", [{"op": "l2-normalise", "columns": ["e"]}], [column("e", flat)], [column("e", Normalizer().fit_transform(flat))], 3e-7),
    ]


def scores() -> list[dict]:
    random = np.random.default_rng(SEED + 2)
    s = (random.normal(size=(4, 5)) * 5).astype(np.float32)
    s[1, 2] = s[1, 4] = 9.0
    holes = s.copy()
    holes[2, 3] = np.nan
    order = np.argsort(-holes, axis=1, kind="stable")[:, :2]
    return [
        case("scipy.special.softmax", [{"op": "softmax", "columns": ["s"]}], [column("s", s)], [column("s", softmax(s.astype(np.float64), axis=1).astype(np.float32))], 1e-6),
        case("numpy.argmax", [{"op": "arg-max", "columns": ["s"], "as": ["c"]}], [column("s", holes)], [column("s", holes), column("c", np.argmax(holes, axis=1))]),
        case("numpy.argsort, stable", [{"op": "top-k", "column": "s", "k": 2, "as": ["v", "i"]}], [column("s", holes)],
             [column("v", np.take_along_axis(holes, order, 1)), column("i", order)]),
    ]


def labels() -> list[dict]:
    return [
        case("labels by place", [{"op": "label-map", "columns": ["c"], "labels": ["bad", "good"]}], [column("c", [1, 0, None], "int64")], [column("c", ["good", "bad", None], "string")]),
        case("labels by value", [{"op": "label-map", "columns": ["c"], "labels": {"red": 0, "white": 1}, "other": -1}], [column("c", ["white", "rosé", "red"], "string")], [column("c", [1, -1, 0], "int64")]),
        case("labels of scores", [{"op": "threshold", "columns": ["p"], "value": 0.5, "dtype": "int64"}, {"op": "label-map", "columns": ["p"], "labels": ["bad", "good"]}],
             [column("p", np.array([0.93, 0.5], dtype=np.float32))], [column("p", ["good", "bad"], "string")]),
    ]


def pipelines() -> list[dict]:
    random = np.random.default_rng(SEED + 3)
    rows = 7
    kind = np.array(["red", "white", "white", "red", "white", "red", "white"], dtype=object)
    acidity, sugar = random.gamma(4, 2, size=rows), random.gamma(2, 3, size=rows)
    acidity[2] = np.nan
    mean = np.nanmean(acidity)
    imputed = np.where(np.isnan(acidity), mean, acidity)
    standard = StandardScaler().fit(imputed.reshape(-1, 1))
    hot = OneHotEncoder(sparse_output=False).fit(kind.reshape(-1, 1))
    expected = np.concatenate([hot.transform(kind.reshape(-1, 1)), standard.transform(imputed.reshape(-1, 1)), np.log1p(sugar)[:, None]], axis=1).astype(np.float32)
    ops = [
        {"op": "one-hot", "columns": ["type"], "categories": [["red", "white"]]},
        {"op": "impute", "columns": ["acidity"], "strategy": "mean", "values": [mean]},
        {"op": "standard-scale", "columns": ["acidity"], "mean": plain(standard.mean_), "scale": plain(standard.scale_)},
        {"op": "log1p", "columns": ["sugar"]},
        {"op": "concat", "columns": ["type", "acidity", "sugar"], "as": "features", "dtype": "float32"},
        {"op": "rename", "names": {"features": "input"}},
    ]
    columns = [column("type", kind, "string"), column("acidity", acidity), column("sugar", sugar)]
    unfitted = [{k: v for k, v in op.items() if k not in ("categories", "values", "mean", "scale")} for op in ops]
    return [
        case("ColumnTransformer of wine", ops, columns, [column("input", expected)], 1e-7),
        case("one row", ops, [{**c, "shape": [1], "data": c["data"][:1]} for c in columns], [column("input", expected[:1])], 1e-7),
        fit("ColumnTransformer of wine", unfitted, columns, [ops[0] | {"unknown": "error"}, *ops[1:]], 1e-14),
    ]


def fits() -> list[dict]:
    random = np.random.default_rng(SEED + 4)
    x = np.concatenate([random.gamma(2, 5, size=200) + 1e6, [np.nan] * 3])
    constant = np.full(203, 0.1)
    standard = StandardScaler().fit(np.stack([x, constant], axis=1))
    minmax = MinMaxScaler().fit(x.reshape(-1, 1))
    even = np.array([5.0, np.nan, 1.0, 3.0, 1.0, 3.0])
    words = np.array(["b", "a", None, "ä", "b", "a", "𝒳", "ﬀ"], dtype=object)
    integers = np.array([5, 3, 5, 2**53 - 1, 3])
    kbins = KBinsDiscretizer(n_bins=4, encode="ordinal", strategy="quantile", quantile_method="linear", subsample=None).fit(x[:200].reshape(-1, 1))
    uniform = KBinsDiscretizer(n_bins=5, encode="ordinal", strategy="uniform").fit(x[:200].reshape(-1, 1))
    median, mode = SimpleImputer(strategy="median").fit(even.reshape(-1, 1)), SimpleImputer(strategy="most_frequent").fit(even.reshape(-1, 1))
    word = SimpleImputer(missing_values=None, strategy="most_frequent").fit(words.reshape(-1, 1))
    categories = OneHotEncoder().fit(words.reshape(-1, 1)).categories_[0]
    ordinal = OrdinalEncoder().fit(integers.reshape(-1, 1)).categories_[0]
    return [
        fit("StandardScaler", [{"op": "standard-scale", "columns": ["x", "k"]}], [column("x", x), column("k", constant)],
            [{"op": "standard-scale", "columns": ["x", "k"], "mean": plain(standard.mean_), "scale": plain(standard.scale_)}], 1e-12),
        fit("MinMaxScaler", [{"op": "min-max", "columns": ["x"]}], [column("x", x)],
            [{"op": "min-max", "columns": ["x"], "min": plain(minmax.data_min_), "max": plain(minmax.data_max_)}]),
        fit("SimpleImputer(median)", [{"op": "impute", "columns": ["x"], "strategy": "median"}], [column("x", even)],
            [{"op": "impute", "columns": ["x"], "strategy": "median", "values": plain(median.statistics_)}]),
        fit("SimpleImputer(most_frequent)", [{"op": "impute", "columns": ["x"], "strategy": "most-frequent"}], [column("x", even)],
            [{"op": "impute", "columns": ["x"], "strategy": "most-frequent", "values": plain(mode.statistics_)}]),
        fit("SimpleImputer(most_frequent) of texts", [{"op": "impute", "columns": ["x"], "strategy": "most-frequent"}], [column("x", words, "string")],
            [{"op": "impute", "columns": ["x"], "strategy": "most-frequent", "values": list(word.statistics_)}]),
        fit("OneHotEncoder", [{"op": "one-hot", "columns": ["x"]}], [column("x", words, "string")],
            [{"op": "one-hot", "columns": ["x"], "categories": [list(categories)], "unknown": "error"}]),
        fit("OrdinalEncoder", [{"op": "ordinal", "columns": ["x"]}], [column("x", integers)],
            [{"op": "ordinal", "columns": ["x"], "categories": [plain(ordinal)], "unknown": "error"}]),
        fit("KBinsDiscretizer(quantile)", [{"op": "bucketise", "columns": ["x"], "bins": 4}], [column("x", x)],
            [{"op": "bucketise", "columns": ["x"], "edges": [plain(kbins.bin_edges_[0][1:-1])], "bins": 4, "strategy": "quantile"}], 1e-15),
        fit("KBinsDiscretizer(uniform)", [{"op": "bucketise", "columns": ["x"], "bins": 5, "strategy": "uniform"}], [column("x", x)],
            [{"op": "bucketise", "columns": ["x"], "edges": [plain(uniform.bin_edges_[0][1:-1])], "bins": 5, "strategy": "uniform"}], 1e-15),
    ]


if __name__ == "__main__":
    main()
