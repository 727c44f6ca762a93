"""Makes the models under test/models: no training, each there to show one behaviour that the engine must handle.

Every model is one function below with a sentence of what it shows; the README beside the files is printed from those
sentences. Weights are drawn from a fixed seed, so the files are the same bytes every time.
"""
from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.linear_model import LogisticRegression

from example_model import IR_VERSION, ML_OPSET, OPSET

FOLDER = Path(__file__).resolve().parents[2] / "test/models"
SEED = 7
NUMERIC = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64",
           "uint64", "bool")
CODES = {"float32": "FLOAT", "float64": "DOUBLE"}

Maker = Callable[[], ModelProto]
MAKERS: list[tuple[str, str, Maker]] = []


def test_model(name: str, shows: str) -> Callable[[Maker], Maker]:
    """Registers the maker of `name`.onnx; `shows` is its line in the README."""
    def register(maker: Maker) -> Maker:
        MAKERS.append((name, shows, maker))
        return maker
    return register


def field(name: str, dtype: str, dims: list) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, getattr(TensorProto, CODES.get(dtype, dtype.upper())), dims)


def weight(name: str, values: object, dtype: str) -> TensorProto:
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def node(operator: str, inputs: list[str], outputs: list[str], **attributes: object) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, outputs, **attributes)


def build(name: str, nodes: list, inputs: list, outputs: list, weights: list | None = None, opset: int = OPSET) -> ModelProto:
    graph = helper.make_graph(nodes, name, inputs, outputs, weights or [])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)
    model.producer_name, model.producer_version = "penstock tools/train", ""
    return model


def identity(dtype: str) -> Maker:
    return lambda: build(f"identity-{dtype}", [node("Identity", ["x"], ["y"])],
                         [field("x", dtype, ["N", 3])], [field("y", dtype, ["N", 3])])


# ONNX Runtime runs bfloat16; its Node binding, which has no tensors of that dtype, refuses the file at load.
REMARKS = {"bfloat16": "; refused by onnxruntime-node, which has no bfloat16 tensors"}
for numeric in NUMERIC:
    test_model(f"identity-{numeric}", f"`x` → `y` = x, {numeric} [N,3]{REMARKS.get(numeric, '')}")(identity(numeric))


@test_model("identity-string", "`label` → `echo` = label, string [N,1]")
def identity_string() -> ModelProto:
    return build("identity-string", [node("Identity", ["label"], ["echo"])],
                 [field("label", "string", ["N", 1])], [field("echo", "string", ["N", 1])])


@test_model("upper-string", "`label` → `upper` = label in upper case, string [N] (no dims beside the row axis)")
def upper_string() -> ModelProto:
    # Its default locale is en_US.UTF-8, which many machines lack; C upper-cases ASCII and needs nothing installed.
    return build("upper-string", [node("StringNormalizer", ["label"], ["upper"], case_change_action="UPPER", locale="C")],
                 [field("label", "string", ["N"])], [field("upper", "string", ["N"])])


@test_model("encode-string", "`label` string [N,1] → `code` int64 [N,1]: red 0, white 1, anything else -1; string in, numbers out")
def encode_string() -> ModelProto:
    encode = node("LabelEncoder", ["label"], ["code"], domain="ai.onnx.ml", keys_strings=["red", "white"],
                  values_int64s=[0, 1], default_int64=-1)
    model = build("encode-string", [encode], [field("label", "string", ["N", 1])], [field("code", "int64", ["N", 1])])
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))
    return model


@test_model("double-tokens", "`tokens` → `doubled` = 2·tokens, int64 [N,S]: a free inner dim, so requests of several shapes")
def double_tokens() -> ModelProto:
    return build("double-tokens", [node("Mul", ["tokens", "two"], ["doubled"])],
                 [field("tokens", "int64", ["N", "S"])], [field("doubled", "int64", ["N", "S"])],
                 [weight("two", 2, "int64")])


@test_model("repeat-tokens", "`tokens` int64 [N,S] → `twice` int64 [N,T], T = 2·S: rows are independent, the output's inner "
                             "dim is not written in the signature")
def repeat_tokens() -> ModelProto:
    return build("repeat-tokens", [node("Concat", ["tokens", "tokens"], ["twice"], axis=1)],
                 [field("tokens", "int64", ["N", "S"])], [field("twice", "int64", ["N", "T"])])


@test_model("trim-tokens", "`tokens` int64 [N,S] → `trimmed` int64 [N,K]: drops the columns that are 0 in every row, so K is "
                           "known only after the run and depends on all rows")
def trim_tokens() -> ModelProto:
    nodes = [node("Abs", ["tokens"], ["size"]), node("ReduceMax", ["size"], ["most"], axes=[0], keepdims=0),
             node("Cast", ["most"], ["keep"], to=TensorProto.BOOL),
             node("Compress", ["tokens", "keep"], ["trimmed"], axis=1)]
    return build("trim-tokens", nodes, [field("tokens", "int64", ["N", "S"])], [field("trimmed", "int64", ["N", "K"])])


@test_model("drop-first-token", "`tokens` int64 [N,S] → `rest` int64 [N,T], T = S - 1: a request of one token is answered by rows "
                                "without elements")
def drop_first_token() -> ModelProto:
    return build("drop-first-token", [node("Slice", ["tokens", "one", "end", "one"], ["rest"])],
                 [field("tokens", "int64", ["N", "S"])], [field("rest", "int64", ["N", "T"])],
                 [weight("one", [1], "int64"), weight("end", [2**31 - 1], "int64")])


@test_model("keep-tokens", "`tokens` int64 [N,S] → `rest` int64 [N,T], T = S: beside drop-first-token in a split, rows of one answer differ in "
                           "their shape")
def keep_tokens() -> ModelProto:
    return build("keep-tokens", [node("Identity", ["tokens"], ["rest"])],
                 [field("tokens", "int64", ["N", "S"])], [field("rest", "int64", ["N", "T"])])


@test_model("drop-first-text", "`texts` string [N,S] → `rest` string [N,T], T = S - 1: drop-first-token with strings")
def drop_first_text() -> ModelProto:
    return build("drop-first-text", [node("Slice", ["texts", "one", "end", "one"], ["rest"])],
                 [field("texts", "string", ["N", "S"])], [field("rest", "string", ["N", "T"])],
                 [weight("one", [1], "int64"), weight("end", [2**31 - 1], "int64")])


@test_model("no-elements", "`x` float32 [N,0,4], `w` float32 [N,2] → `y` = x, `z` = 2·w: rows of one input and output have no elements, "
                           "and the signature says so")
def no_elements() -> ModelProto:
    return build("no-elements", [node("Identity", ["x"], ["y"]), node("Add", ["w", "w"], ["z"])],
                 [field("x", "float32", ["N", 0, 4]), field("w", "float32", ["N", 2])],
                 [field("y", "float32", ["N", 0, 4]), field("z", "float32", ["N", 2])])


@test_model("add-edges", "`nodes` float32 [N,4], `source`, `target` int64 [E] → `y` float32 [N,4]: to each node, the nodes that an edge "
                         "leads from; a graph may have no edge")
def add_edges() -> ModelProto:
    nodes = [node("Gather", ["nodes", "source"], ["sent"]), node("Unsqueeze", ["target", "axis"], ["index"]),
             node("ScatterND", ["nodes", "index", "sent"], ["y"], reduction="add")]
    return build("add-edges", nodes,
                 [field("nodes", "float32", ["N", 4]), field("source", "int64", ["E"]), field("target", "int64", ["E"])],
                 [field("y", "float32", ["N", 4])], [weight("axis", [1], "int64")])


@test_model("nonzero", "`x` float32 [N,3] → `indices` int64 [2,K]: K is known only after the run and no output has the row axis")
def nonzero() -> ModelProto:
    return build("nonzero", [node("NonZero", ["x"], ["indices"])],
                 [field("x", "float32", ["N", 3])], [field("indices", "int64", [2, "K"])])


@test_model("fixed-one", "`x` → `y` = 2·x + 1, float32 [1,4]: exported with a fixed batch of 1")
def fixed_one() -> ModelProto:
    return build("fixed-one", [node("Mul", ["x", "two"], ["twice"]), node("Add", ["twice", "one"], ["y"])],
                 [field("x", "float32", [1, 4])], [field("y", "float32", [1, 4])],
                 [weight("two", 2, "float32"), weight("one", 1, "float32")])


@test_model("sum-rows", "`x` float32 [N,3] → `total` float32 [3] = sum over the rows: one answer a request, never to be batched")
def sum_rows() -> ModelProto:
    return build("sum-rows", [node("ReduceSum", ["x", "axes"], ["total"], keepdims=0)],
                 [field("x", "float32", ["N", 3])], [field("total", "float32", [3])], [weight("axes", [0], "int64")])


@test_model("subtract-mean", "`x` → `y` = x - mean of x over the rows, float32 [N,3]: the signature looks like rows, but each "
                             "answer depends on the other rows")
def subtract_mean() -> ModelProto:
    return build("subtract-mean", [node("ReduceMean", ["x"], ["mean"], axes=[0], keepdims=1),
                                   node("Sub", ["x", "mean"], ["y"])],
                 [field("x", "float32", ["N", 3])], [field("y", "float32", ["N", 3])])


@test_model("zipmap-classifier", "scikit-learn's LogisticRegression with the ZipMap node: an output that is a list of maps and "
                                 "no tensor, so the model has to be refused")
def zipmap_classifier() -> ModelProto:
    random = np.random.default_rng(SEED)
    features = random.normal(size=(120, 3)).astype(np.float32)
    classes = (features @ np.array([1.0, -2.0, 0.5])).round().clip(-1, 1).astype(int) + 1
    model = to_onnx(LogisticRegression().fit(features, classes), features[:1], name="zipmap-classifier",
                    options={"zipmap": True}, target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET})
    model.ir_version, model.producer_version = IR_VERSION, ""
    return model


@test_model("missing-external-data", "`x` → `y` = x · w, float32 [N,3]; w lies in `missing-weights.bin`, which does not exist: refused")
def missing_external_data() -> ModelProto:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", "missing-weights.bin"), ("offset", "0"), ("length", "12")):
        tensor.external_data.add(key=key, value=value)
    return build("missing-external-data", [node("Mul", ["x", "w"], ["y"])],
                 [field("x", "float32", ["N", 3])], [field("y", "float32", ["N", 3])], [tensor])


@test_model("future-opset", "`x` → `y` = x, float32 [N,3], in opset 99, which no runtime knows yet: refused")
def future_opset() -> ModelProto:
    return build("future-opset", [node("Identity", ["x"], ["y"])],
                 [field("x", "float32", ["N", 3])], [field("y", "float32", ["N", 3])], opset=99)


SLOW_TRIPS, SLOW_WIDTH = 20_000, 64


@test_model("slow", f"`x` → `y`, float32 [N,4]: {SLOW_TRIPS} turns of y = tanh(y · w); tens of milliseconds a run of one row on "
                    "one core, more with more rows")
def slow() -> ModelProto:
    random = np.random.default_rng(SEED)
    square = random.normal(scale=1.2 / np.sqrt(SLOW_WIDTH), size=(SLOW_WIDTH, SLOW_WIDTH))
    body = helper.make_graph(
        [node("MatMul", ["state_in", "square"], ["product"]), node("Tanh", ["product"], ["state_out"]),
         node("Identity", ["going_in"], ["going_out"])],
        "turn", [field("turn", "int64", []), field("going_in", "bool", []), field("state_in", "float32", ["N", SLOW_WIDTH])],
        [field("going_out", "bool", []), field("state_out", "float32", ["N", SLOW_WIDTH])])
    return build("slow", [node("MatMul", ["x", "widen"], ["start"]),
                          node("Loop", ["trips", "", "start"], ["end"], body=body),
                          node("MatMul", ["end", "narrow"], ["y"])],
                 [field("x", "float32", ["N", 4])], [field("y", "float32", ["N", 4])],
                 [weight("square", square, "float32"), weight("trips", SLOW_TRIPS, "int64"),
                  weight("widen", random.normal(size=(4, SLOW_WIDTH)), "float32"),
                  weight("narrow", random.normal(size=(SLOW_WIDTH, 4)), "float32")])


@test_model("gather-ten", "`index` int64 [N,1] → `value` float32 [N,2] = row `index` of a table of ten, value = [index, index²]; "
                          "an index outside -10..9 makes the run fail: the poison test")
def gather_ten() -> ModelProto:
    table = [[row, row * row] for row in range(10)]
    return build("gather-ten", [node("Squeeze", ["index", "axes"], ["flat"]), node("Gather", ["table", "flat"], ["value"])],
                 [field("index", "int64", ["N", 1])], [field("value", "float32", ["N", 2])],
                 [weight("axes", [1], "int64"), weight("table", table, "float32")])


@test_model("add-one", "`x` → `y` = x + 1, float32 [N,3]")
def add_one() -> ModelProto:
    return build("add-one", [node("Add", ["x", "one"], ["y"])], [field("x", "float32", ["N", 3])],
                 [field("y", "float32", ["N", 3])], [weight("one", 1, "float32")])


@test_model("times-two", "`x` → `y` = 2·x, float32 [N,3]: another version of add-one's signature")
def times_two() -> ModelProto:
    return build("times-two", [node("Mul", ["x", "two"], ["y"])], [field("x", "float32", ["N", 3])],
                 [field("y", "float32", ["N", 3])], [weight("two", 2, "float32")])


@test_model("add-one-more-features", "`x` → `y` = x + 1, float32 [N,5]: add-one with another signature, for a swap that has to be noticed")
def add_one_more_features() -> ModelProto:
    return build("add-one-more-features", [node("Add", ["x", "one"], ["y"])], [field("x", "float32", ["N", 5])],
                 [field("y", "float32", ["N", 5])], [weight("one", 1, "float32")])


def constant(version: int) -> Maker:
    return lambda: build(f"constant-v{version}", [node("Mul", ["x", "zero"], ["nothing"]), node("Add", ["nothing", "version"], ["y"])],
                         [field("x", "float32", ["N", 3])], [field("y", "float32", ["N", 3])],
                         [weight("zero", 0, "float32"), weight("version", version, "float32")])


for number in (1, 2):
    test_model(f"constant-v{number}", f"`x` → `y` = {number} everywhere, float32 [N,3]: tells which version answered")(constant(number))


@test_model("sum-and-difference", "`left`, `right` float32 [N,2] → `sum`, `difference` float32 [N,2]: two inputs, two outputs")
def sum_and_difference() -> ModelProto:
    return build("sum-and-difference", [node("Add", ["left", "right"], ["sum"]), node("Sub", ["left", "right"], ["difference"])],
                 [field("left", "float32", ["N", 2]), field("right", "float32", ["N", 2])],
                 [field("sum", "float32", ["N", 2]), field("difference", "float32", ["N", 2])])


@test_model("linear", "`x` float32 [N,4] → `y` float32 [N,2] = x · W + (3, -1), W = (2, -1, 0.5, 0) and (0, 1, 1, 1): what explanations of "
            "it must say is known")
def linear() -> ModelProto:
    return build("linear", [node("MatMul", ["x", "w"], ["xw"]), node("Add", ["xw", "b"], ["y"])],
                 [field("x", "float32", ["N", 4])], [field("y", "float32", ["N", 2])],
                 [weight("w", [[2, 0], [-1, 1], [0.5, 1], [0, 1]], "float32"), weight("b", [3, -1], "float32")])


@test_model("mixed-dtypes", "`x` float64 [N,2], `scale` int32 [N] → `y` float64 [N,2] = x · scale, `big` bool [N] = scale > 10: "
                            "three dtypes and a tensor of rank 1 in one signature")
def mixed_dtypes() -> ModelProto:
    return build("mixed-dtypes",
                 [node("Cast", ["scale"], ["wide"], to=TensorProto.DOUBLE), node("Unsqueeze", ["wide", "axes"], ["column"]),
                  node("Mul", ["x", "column"], ["y"]), node("Greater", ["scale", "ten"], ["big"])],
                 [field("x", "float64", ["N", 2]), field("scale", "int32", ["N"])],
                 [field("y", "float64", ["N", 2]), field("big", "bool", ["N"])],
                 [weight("axes", [1], "int64"), weight("ten", 10, "int32")])


REFUSED = {"missing-external-data", "future-opset"}


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = ["# Test models", "", "Made by `tools/train/make_test_models.py` (run by `tools/train/run.sh`); N is the row axis.", "",
             "| model | what it shows | bytes |", "|---|---|---|"]
    for name, shows, make in MAKERS:
        content = make().SerializeToString(deterministic=True)
        assert len(content) < 100_000, f"{name} has {len(content)} bytes"
        (FOLDER / f"{name}.onnx").write_bytes(content)
        lines.append(f"| `{name}` | {shows} | {len(content)} |")
        assert loads(FOLDER / f"{name}.onnx") == (name not in REFUSED), f"{name}: load or refusal is not as expected"
    (FOLDER / "README.md").write_text("\n".join(lines) + "\n")
    print(f"{len(MAKERS)} test models in {FOLDER}")
    return 0


def loads(path: Path) -> bool:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own classes have no public base.
        print(f"{path.stem} is refused: {str(error).splitlines()[0][:160]}")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
