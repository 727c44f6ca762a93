"""The wine models: quality (0..10, as tasters scored it) from eleven measurements and the colour.

Four regressors with one signature, so that pipelines can split between them, shadow and compare them; and the network
once more as two models, its scaler and the rest, that must give the same answer when chained.
Identical wines are many in the tables (about one row in five); they are dropped before the split, since a held-out row
whose twin was trained on would flatter every metric.
"""
from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from onnx import ModelProto
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from example_model import IR_VERSION, ML_OPSET, OPSET, ExampleModel
from graphs import GraphBuilder, floats, layers_of

SEED = 20090611
DATA = ("Wine Quality, P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis, 2009, "
        "UCI Machine Learning Repository, CC BY 4.0")
COLOURS = (("red.csv", 0.0), ("white.csv", 1.0))
FEATURES = 12
LIBRARY = f"scikit-learn {sklearn.__version__}"


@dataclass
class WineTables:
    train_features: np.ndarray
    train_quality: np.ndarray
    test_features: np.ndarray
    test_quality: np.ndarray


def read_tables(folder: Path) -> WineTables:
    """Both tables as float32 [rows, 12] (colour last), without repeated rows, split 4:1 by colour and quality."""
    rows: list[tuple[float, ...]] = []
    for name, colour in COLOURS:
        path = folder / name
        if not path.is_file():
            raise SystemExit(
                f"Expected --data to be a folder with red.csv and white.csv of the Wine Quality data set but received "
                f"{folder} (no {name} there); the tables are not part of the project: see tools/train/README.md")
        with path.open(newline="") as file:
            reader = csv.reader(file, delimiter=";")
            header = next(reader)
            if len(header) != FEATURES or header[-1] != "quality":
                raise SystemExit(f"Expected {path} to have 11 features and quality but received {header}")
            rows += [(*map(float, row[:-1]), colour, float(row[-1])) for row in reader]
    table = np.array(list(dict.fromkeys(rows)))
    features, quality = table[:, :-1].astype(np.float32), table[:, -1]
    # Qualities 3 and 9 are too rare to be split evenly on their own.
    strata = np.clip(quality, 4, 8) * 2 + features[:, -1]
    parts = train_test_split(features, quality, test_size=0.2, random_state=SEED, stratify=strata)
    return WineTables(parts[0], parts[2], parts[1], parts[3])


def train(folder: Path) -> list[ExampleModel]:
    tables = read_tables(folder)
    baseline = metrics_of(tables.test_quality, np.full_like(tables.test_quality, tables.train_quality.mean()))
    linear = LinearRegression().fit(tables.train_features, tables.train_quality)
    context = {
        "trainRows": len(tables.train_quality), "heldOutRows": len(tables.test_quality), "seed": SEED,
        "baselines": {"mean": baseline,
                      "linear": metrics_of(tables.test_quality, linear.predict(tables.test_features))},
    }
    forests = [forest_example(tables, context, *entry) for entry in (
        ("wine-forest", "Wine quality by a random forest",
         RandomForestRegressor(n_estimators=60, max_leaf_nodes=96, max_features=0.4, random_state=SEED)),
        ("wine-extra-trees", "Wine quality by extremely randomised trees",
         ExtraTreesRegressor(n_estimators=60, max_leaf_nodes=96, max_features=1.0, random_state=SEED)),
        ("wine-gbt", "Wine quality by gradient-boosted trees",
         GradientBoostingRegressor(n_estimators=250, max_depth=5, max_leaf_nodes=16, learning_rate=0.05,
                                   subsample=0.7, random_state=SEED)),
    )]
    return forests + network_examples(tables, context)


def forest_example(tables: WineTables, context: dict, name: str, what: str, regressor: object) -> ExampleModel:
    regressor.fit(tables.train_features, tables.train_quality)
    predicted = regressor.predict(tables.test_features)
    return wine_example(tables, context, name, what, tree_model(name, regressor, FEATURES, "quality"), predicted)


def wine_example(tables: WineTables, context: dict, name: str, what: str, model: ModelProto,
                 predicted: np.ndarray) -> ExampleModel:
    held_out = metrics_of(tables.test_quality, predicted)
    return ExampleModel(
        name, what, model,
        inputs={"features": tables.test_features},
        outputs={"quality": predicted[:, None].astype(np.float32)},
        library=LIBRARY, data=DATA, metrics={"heldOut": held_out, **context}, headline=headline(held_out, context))


def tree_model(name: str, regressor: object, feature_count: int, output_name: str) -> ModelProto:
    """The trees as one TreeEnsembleRegressor, with our names of input and output."""
    model = convert_sklearn(regressor, name=name, initial_types=[("features", FloatTensorType([None, feature_count]))],
                            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET})
    graph = model.graph
    before = graph.output[0].name
    for node in graph.node:
        node.output[:] = [output_name if output == before else output for output in node.output]
    del graph.input[:], graph.output[:]
    graph.input.append(floats("features", feature_count))
    graph.output.append(floats(output_name, 1))
    model.ir_version = IR_VERSION
    return model


def network_examples(tables: WineTables, context: dict) -> list[ExampleModel]:
    """wine-mlp, and the same network as wine-scaler and wine-mlp-scaled."""
    scaler = StandardScaler().fit(tables.train_features)
    network = MLPRegressor(hidden_layer_sizes=(32, 16), alpha=1e-2, learning_rate_init=2e-3, max_iter=300, early_stopping=True,
                           n_iter_no_change=20, random_state=SEED)
    network.fit(scaler.transform(tables.train_features), tables.train_quality)
    scaled = scaler.transform(tables.test_features).astype(np.float32)
    predicted = network.predict(scaled)
    layers = layers_of(network)

    whole = GraphBuilder()
    whole.dense(whole.standard_scale("features", "scaled", scaler.mean_, scaler.scale_), "quality", layers)
    first, second = GraphBuilder(), GraphBuilder()
    first.standard_scale("features", "scaled", scaler.mean_, scaler.scale_)
    second.dense("scaled", "quality", layers)

    features, scaled_field, quality = floats("features", FEATURES), floats("scaled", FEATURES), floats("quality", 1)
    mlp = wine_example(tables, context, "wine-mlp", "Wine quality by a network 12-32-16-1 with its scaler",
                       whole.model("wine-mlp", [features], [quality]), predicted)
    scaler_example = ExampleModel(
        "wine-scaler", "The scaler of wine-mlp alone: first step of wine-chain",
        first.model("wine-scaler", [features], [scaled_field]),
        inputs=mlp.inputs, outputs={"scaled": scaled}, library=LIBRARY, data=DATA,
        metrics={"heldOut": {"meanAbsMax": rounded(np.abs(scaled.mean(0)).max()),
                             "deviationMin": rounded(scaled.std(0).min()),
                             "deviationMax": rounded(scaled.std(0).max())},
                 "trainRows": context["trainRows"], "heldOutRows": context["heldOutRows"], "seed": SEED},
        headline="held-out columns: means within ±%.3f, deviations %.2f to %.2f" % (
            np.abs(scaled.mean(0)).max(), scaled.std(0).min(), scaled.std(0).max()))
    rest_example = ExampleModel(
        "wine-mlp-scaled", "wine-mlp without its scaler: second step of wine-chain",
        second.model("wine-mlp-scaled", [scaled_field], [quality]),
        inputs={"scaled": scaled}, outputs=mlp.outputs, library=LIBRARY, data=DATA,
        metrics=mlp.metrics, headline=mlp.headline)
    return [mlp, scaler_example, rest_example]


def metrics_of(quality: np.ndarray, predicted: np.ndarray) -> dict:
    return {
        "rmse": rounded(root_mean_squared_error(quality, predicted)),
        "mae": rounded(mean_absolute_error(quality, predicted)),
        "r2": rounded(r2_score(quality, predicted)),
        "withinHalfPoint": rounded(np.mean(np.abs(quality - predicted) <= 0.5)),
    }


def headline(held_out: dict, context: dict) -> str:
    mean, linear = context["baselines"]["mean"], context["baselines"]["linear"]
    return (f"RMSE {held_out['rmse']:.3f} (mean {mean['rmse']:.3f}, linear {linear['rmse']:.3f}), "
            f"MAE {held_out['mae']:.3f}, R² {held_out['r2']:.3f}")


def rounded(value: float) -> float:
    return round(float(value), 4) + 0.0  # never -0.0
