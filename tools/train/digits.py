"""digits-cnn: a small convolutional network on the handwritten digits bundled with scikit-learn (8 × 8, values 0..16).

Trained with JAX, whose own forward pass gives the golden outputs; the ONNX graph is written node by node from the same
weights. Two convolutions, one pooling, two dense layers; the scaling of the pixels is inside the graph.
"""
from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
from onnx import TensorProto, helper
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from example_model import ExampleModel
from graphs import GraphBuilder, floats

SEED = 8
CHANNELS = (16, 32)
HIDDEN, CLASSES = 64, 10
PIXEL_MAX = 16.0
EPOCHS, BATCH, RATE, DROP = 40, 64, 2e-3, 0.25
Weights = dict[str, jax.Array]


def train() -> list[ExampleModel]:
    digits = load_digits()
    images = digits.images[:, None].astype(np.float32)
    train_x, test_x, train_y, test_y = train_test_split(
        images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
    weights = fit(train_x, train_y)
    probabilities = np.asarray(jax.nn.softmax(logits(weights, test_x)), dtype=np.float32)
    labels = probabilities.argmax(1).astype(np.int64)

    held_out = {"accuracy": round(float((labels == test_y).mean()), 4),
                "logLoss": round(float(-np.log(probabilities[np.arange(len(test_y)), test_y]).mean()), 4)}
    linear = LogisticRegression(max_iter=200).fit(train_x.reshape(len(train_x), -1) / PIXEL_MAX, train_y)
    baselines = {"majority": {"accuracy": round(float((test_y == np.bincount(train_y).argmax()).mean()), 4)},
                 "logistic": {"accuracy": round(float(
                     linear.score(test_x.reshape(len(test_x), -1) / PIXEL_MAX, test_y)), 4)}}
    return [ExampleModel(
        "digits-cnn", "A handwritten digit by a small convolutional network", graph_of(weights),
        inputs={"image": test_x}, outputs={"probabilities": probabilities, "label": labels},
        library=f"jax {jax.__version__}",
        data="digits bundled with scikit-learn (Optical Recognition of Handwritten Digits, E. Alpaydin, C. Kaynak, 1998, "
             "UCI Machine Learning Repository, CC BY 4.0)",
        metrics={"heldOut": held_out, "trainRows": len(train_y), "heldOutRows": len(test_y), "seed": SEED,
                 "baselines": baselines},
        headline=f"accuracy {held_out['accuracy']:.3f} (majority {baselines['majority']['accuracy']:.3f}, "
                 f"logistic {baselines['logistic']['accuracy']:.3f}), log loss {held_out['logLoss']:.3f}")]


def fit(images: np.ndarray, labels: np.ndarray) -> Weights:
    random = np.random.default_rng(SEED)
    weights = initial(random)
    steps = EPOCHS * (len(images) // BATCH)
    optimiser = optax.adamw(optax.cosine_decay_schedule(RATE, steps), weight_decay=1e-3)
    state = optimiser.init(weights)

    @jax.jit
    def step(weights: Weights, state: object, key: jax.Array, x: jax.Array, y: jax.Array) -> tuple[Weights, object]:
        def loss(weights: Weights) -> jax.Array:
            return optax.softmax_cross_entropy_with_integer_labels(logits(weights, x, key), y).mean()
        updates, state = optimiser.update(jax.grad(loss)(weights), state, weights)
        return optax.apply_updates(weights, updates), state

    key = jax.random.key(SEED)
    for _ in range(EPOCHS):
        order = random.permutation(len(images))
        for start in range(0, len(images) - BATCH + 1, BATCH):
            rows = order[start:start + BATCH]
            key, drop = jax.random.split(key)
            weights, state = step(weights, state, drop, shifted(images[rows], random), labels[rows])
    return weights


def shifted(images: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Moves each image by at most one pixel in each direction: 1,300 images are few."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    down, right = random.integers(0, 3, size=(2, len(images)))
    return np.stack([image[:, y:y + 8, x:x + 8] for image, y, x in zip(padded, down, right)])


def initial(random: np.random.Generator) -> Weights:
    def layer(*shape: int, fan_in: int) -> jax.Array:
        return jnp.asarray(random.normal(scale=np.sqrt(2 / fan_in), size=shape), dtype=jnp.float32)

    first, second = CHANNELS
    flat = second * 4 * 4
    return {
        "conv_0": layer(first, 1, 3, 3, fan_in=9), "conv_0_bias": jnp.zeros(first),
        "conv_1": layer(second, first, 3, 3, fan_in=9 * first), "conv_1_bias": jnp.zeros(second),
        "dense_0": layer(flat, HIDDEN, fan_in=flat), "dense_0_bias": jnp.zeros(HIDDEN),
        "dense_1": layer(HIDDEN, CLASSES, fan_in=HIDDEN), "dense_1_bias": jnp.zeros(CLASSES),
    }


def logits(weights: Weights, images: jax.Array, drop_key: jax.Array | None = None) -> jax.Array:
    """images float32 [n, 1, 8, 8] in 0..16 → [n, 10]; with a key, hidden units are dropped as in training."""
    x = jnp.asarray(images) / PIXEL_MAX
    for name in ("conv_0", "conv_1"):
        x = jax.lax.conv_general_dilated(x, weights[name], (1, 1), "SAME", precision="highest")
        x = jax.nn.relu(x + weights[name + "_bias"][:, None, None])
    x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
    x = jax.nn.relu(jnp.dot(x.reshape(len(x), -1), weights["dense_0"], precision="highest") + weights["dense_0_bias"])
    if drop_key is not None:
        x = jnp.where(jax.random.bernoulli(drop_key, 1 - DROP, x.shape), x / (1 - DROP), 0)
    return jnp.dot(x, weights["dense_1"], precision="highest") + weights["dense_1_bias"]


def graph_of(weights: Weights) -> object:
    """The same network in ONNX: `image` → `probabilities` and `label` (the first greatest of them)."""
    arrays = {name: np.asarray(value, dtype=np.float32) for name, value in weights.items()}
    graph = GraphBuilder()
    x = graph.add("Div", ["image", graph.weight("pixel_max", np.array(PIXEL_MAX, dtype=np.float32))], "pixels")
    for name in ("conv_0", "conv_1"):
        inputs = [x, graph.weight(name, arrays[name]), graph.weight(name + "_bias", arrays[name + "_bias"])]
        x = graph.add("Conv", inputs, name + "_out", kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = graph.add("Relu", [x], name + "_active")
    x = graph.add("Flatten", [graph.add("MaxPool", [x], "pooled", kernel_shape=[2, 2], strides=[2, 2])], "flat")
    x = graph.dense(x, "logits", [(arrays[name], arrays[name + "_bias"]) for name in ("dense_0", "dense_1")])
    graph.add("Softmax", [x], "probabilities", axis=1)
    graph.add("ArgMax", ["probabilities"], "label", axis=1, keepdims=0)
    label = helper.make_tensor_value_info("label", TensorProto.INT64, ["N"])
    return graph.model("digits-cnn", [floats("image", 1, 8, 8)], [floats("probabilities", CLASSES), label])
