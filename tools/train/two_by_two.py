"""A network with two inputs and two outputs: what a pipe system carries, estimated from its gauges.

`left` are ten gauges upstream, `right` five downstream, each a saturating and noisy view of four hidden flows.
`sum_features` are the totals of three of the flows over both ends, `difference` the losses of two of them between the
ends. The rows are synthetic; the model exists to show and to test pipelines with several tensors on each side.
"""
from __future__ import annotations

import numpy as np
import sklearn
from onnx import helper
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from example_model import ExampleModel
from graphs import GraphBuilder, floats, layers_of

SEED = 22
ROWS, HELD_OUT = 6000, 1000
LEFT, RIGHT, SUMS, DIFFERENCES, FLOWS = 10, 5, 3, 2, 4


def train() -> list[ExampleModel]:
    left, right, targets = synthesise()
    features = np.concatenate([left, right], axis=1)
    train_x, test_x, train_y, test_y = features[HELD_OUT:], features[:HELD_OUT], targets[HELD_OUT:], targets[:HELD_OUT]
    network = MLPRegressor(hidden_layer_sizes=(32, 16), alpha=1e-4, learning_rate_init=3e-3, max_iter=400,
                           n_iter_no_change=20, early_stopping=True, random_state=SEED)
    scaler = StandardScaler().fit(train_x)
    network.fit(scaler.transform(train_x), train_y)
    predicted = network.predict(scaler.transform(test_x)).astype(np.float32)
    linear = LinearRegression().fit(train_x, train_y).predict(test_x)
    base = np.broadcast_to(train_y.mean(0), test_y.shape)

    held_out = metrics_of(test_y, predicted)
    baselines = {"mean": metrics_of(test_y, base), "linear": metrics_of(test_y, linear)}
    return [ExampleModel(
        "two-by-two", "Totals and losses of a pipe system from ten gauges upstream and five downstream",
        graph_of(scaler, network),
        inputs={"left": left[:HELD_OUT], "right": right[:HELD_OUT]},
        outputs={"sum_features": predicted[:, :SUMS], "difference": predicted[:, SUMS:]},
        library=f"scikit-learn {sklearn.__version__}", data="synthetic, made by tools/train/two_by_two.py",
        metrics={"heldOut": held_out, "trainRows": ROWS - HELD_OUT, "heldOutRows": HELD_OUT, "seed": SEED,
                 "baselines": baselines},
        headline=f"RMSE {held_out['rmse']:.3f} (mean {baselines['mean']['rmse']:.3f}, "
                 f"linear {baselines['linear']['rmse']:.3f}), R² {held_out['r2']:.3f}")]


def graph_of(scaler: StandardScaler, network: MLPRegressor) -> object:
    graph = GraphBuilder()
    graph.add("Concat", ["left", "right"], "gauges", axis=1)
    graph.standard_scale("gauges", "scaled", scaler.mean_, scaler.scale_)
    graph.dense("scaled", "estimates", layers_of(network))
    sizes = graph.weight("sizes", np.array([SUMS, DIFFERENCES], dtype=np.int64))
    graph.nodes.append(helper.make_node("Split", ["estimates", sizes], ["sum_features", "difference"], axis=1))
    return graph.model("two-by-two", [floats("left", LEFT), floats("right", RIGHT)],
                       [floats("sum_features", SUMS), floats("difference", DIFFERENCES)])


def synthesise() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """left [ROWS, 10], right [ROWS, 5] float32; targets [ROWS, 5], the totals before the losses."""
    random = np.random.default_rng(SEED)
    upstream = random.gamma(4.0, 0.5, size=(ROWS, FLOWS))
    loss = random.beta(2.0, 10.0, size=(ROWS, FLOWS)) * upstream
    downstream = upstream - loss

    def gauges(flows: np.ndarray, count: int) -> np.ndarray:
        mixed = flows @ random.uniform(0.1, 1.0, size=(FLOWS, count))
        return (8.0 * np.tanh(mixed / 8.0) + random.normal(scale=0.01, size=mixed.shape)).astype(np.float32)

    left, right = gauges(upstream, LEFT), gauges(downstream, RIGHT)
    return left, right, np.concatenate([(upstream + downstream)[:, :SUMS], loss[:, :DIFFERENCES]], axis=1)


def metrics_of(targets: np.ndarray, predicted: np.ndarray) -> dict:
    return {"rmse": round(float(root_mean_squared_error(targets, predicted)), 4),
            "r2": round(float(r2_score(targets, predicted)), 4) + 0.0}
