"""A network of the size that card-fraud scoring uses: 29 numbers in, one probability out, about 600 multiplications.

The rows are synthetic (scikit-learn's make_classification, 2 % positive): the model exists to be run often and to cost
little, so that a benchmark measures the engine. Its metrics only show that it is a trained network and not noise.
"""
from __future__ import annotations

import numpy as np
import sklearn
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from example_model import GOLDEN_ROWS, ExampleModel
from graphs import GraphBuilder, floats, layers_of

SEED = 29
FEATURES = 29


def train() -> list[ExampleModel]:
    features, is_fraud = make_classification(
        n_samples=30_000, n_features=FEATURES, n_informative=12, n_redundant=6, n_clusters_per_class=3,
        weights=[0.98], class_sep=1.2, flip_y=0.004, random_state=SEED)
    features = features.astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        features, is_fraud, test_size=0.25, random_state=SEED, stratify=is_fraud)
    network = MLPClassifier(hidden_layer_sizes=(16, 8), alpha=1e-3, max_iter=60, early_stopping=True, random_state=SEED)
    network.fit(train_x, train_y)
    probability = network.predict_proba(test_x)[:, 1]
    linear = LogisticRegression(max_iter=500).fit(train_x, train_y).predict_proba(test_x)[:, 1]

    graph = GraphBuilder()
    graph.add("Sigmoid", [graph.dense("features", "logit", layers_of(network))], "probability")
    model = graph.model("fraud-mlp", [floats("features", FEATURES)], [floats("probability", 1)])

    # Half of the golden rows positive, or nearly every golden output would be near 0.
    order = np.argsort(test_y, kind="stable")
    rows = np.concatenate([order[:GOLDEN_ROWS // 2], order[-(GOLDEN_ROWS // 2):]])
    held_out, base = metrics_of(test_y, probability), metrics_of(test_y, np.full(len(test_y), train_y.mean()))
    return [ExampleModel(
        "fraud-mlp", "Fraud-like score by a network 29-16-8-1; the benchmark's model", model,
        inputs={"features": test_x}, outputs={"probability": probability[:, None].astype(np.float32)}, golden_rows=rows,
        library=f"scikit-learn {sklearn.__version__}", data="synthetic, made by tools/train/fraud.py",
        metrics={"heldOut": held_out, "trainRows": len(train_y), "heldOutRows": len(test_y), "seed": SEED,
                 "baselines": {"prevalence": base, "logistic": metrics_of(test_y, linear)}},
        headline=f"ROC AUC {held_out['rocAuc']:.3f}, average precision {held_out['averagePrecision']:.3f} "
                 f"(prevalence {base['averagePrecision']:.3f})")]


def metrics_of(is_fraud: np.ndarray, probability: np.ndarray) -> dict:
    return {"rocAuc": round(float(roc_auc_score(is_fraud, probability)), 4),
            "averagePrecision": round(float(average_precision_score(is_fraud, probability)), 4),
            "brier": round(float(brier_score_loss(is_fraud, probability)), 5)}
