"""The networks of the compute-bound benchmarks: real shapes, random weights, no training.

The time of a run depends on shapes, not on what a network has learnt, so the weights are drawn from a fixed seed and
nothing has to be fetched. Convolutions carry a bias instead of a batch normalisation after them, which is what every
converter makes of it. The last layer of each residual branch is scaled down: activations of fifty random layers would
otherwise grow until a comparison of two answers says nothing.
"""
from __future__ import annotations

import numpy as np
from onnx import ModelProto, TensorProto, helper

from graphs import GraphBuilder, floats

SEED = 50
IMAGE_SIDE, CLASSES = 224, 1000
RESIDUAL_SCALE = 0.2


class Network(GraphBuilder):
    """Adds random layers; every tensor gets a running number."""

    def __init__(self) -> None:
        super().__init__()
        self.random = np.random.default_rng(SEED)
        self.count = 0

    def then(self, operator: str, inputs: list[str], **attributes: object) -> str:
        self.count += 1
        return self.add(operator, inputs, f"{operator.lower()}_{self.count}", **attributes)

    def random_weight(self, dims: tuple[int, ...], deviation: float) -> str:
        self.count += 1
        values = self.random.standard_normal(dims, dtype=np.float32) * np.float32(deviation)
        return self.weight(f"weight_{self.count}", values)

    def constant(self, values: object, dtype: type = np.float32) -> str:
        self.count += 1
        return self.weight(f"constant_{self.count}", np.array(values, dtype=dtype))

    def conv(self, source: str, channels: tuple[int, int], kernel: int, stride: int = 1, groups: int = 1,
             scale: float = 1.0) -> str:
        """A convolution with bias, padded so that stride 1 keeps the image's size."""
        inputs, outputs = channels
        fan_in = inputs // groups * kernel * kernel
        weight = self.random_weight((outputs, inputs // groups, kernel, kernel), scale * (2 / fan_in) ** 0.5)
        return self.then("Conv", [source, weight, self.random_weight((outputs,), 0.01)], kernel_shape=[kernel, kernel],
                         strides=[stride, stride], pads=[kernel // 2] * 4, group=groups)

    def linear(self, source: str, inputs: int, outputs: int, scale: float = 1.0) -> str:
        """x · W + b over the last axis, whatever the rank."""
        product = self.then("MatMul", [source, self.random_weight((inputs, outputs), scale / inputs ** 0.5)])
        return self.then("Add", [product, self.random_weight((outputs,), 0.01)])

    def classify(self, source: str, channels: int) -> None:
        """Global average over the image, then `scores` of the classes."""
        pooled = self.then("GlobalAveragePool", [source])
        flat = self.then("Flatten", [pooled])
        self.add("Gemm", [flat, self.random_weight((channels, CLASSES), channels ** -0.5),
                          self.random_weight((CLASSES,), 0.01)], "scores")

    def image_model(self, name: str) -> ModelProto:
        return self.model(name, [floats("image", 3, IMAGE_SIDE, IMAGE_SIDE)], [floats("scores", CLASSES)])


def resnet50() -> ModelProto:
    """ResNet-50 v1.5 (stride in the 3x3 convolution): 25.6 million weights, 4.1 billion multiply-adds an image."""
    net = Network()
    last = net.then("Relu", [net.conv("image", (3, 64), 7, stride=2)])
    last = net.then("MaxPool", [last], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            inner = net.then("Relu", [net.conv(last, (channels, width), 1)])
            inner = net.then("Relu", [net.conv(inner, (width, width), 3, stride=stride)])
            inner = net.conv(inner, (width, width * 4), 1, scale=RESIDUAL_SCALE)
            shortcut = net.conv(last, (channels, width * 4), 1, stride=stride) if block == 0 else last
            last = net.then("Relu", [net.then("Add", [inner, shortcut])])
            channels = width * 4
    net.classify(last, channels)
    return net.image_model("resnet50")


# MobileNetV3-Large, table 1 of Howard et al. 2019 (arXiv 1905.02244):
# kernel, expanded channels, channels out, squeeze-and-excite, hard-swish (else ReLU), stride.
MOBILENET_BLOCKS = (
    (3, 16, 16, False, False, 1), (3, 64, 24, False, False, 2), (3, 72, 24, False, False, 1),
    (5, 72, 40, True, False, 2), (5, 120, 40, True, False, 1), (5, 120, 40, True, False, 1),
    (3, 240, 80, False, True, 2), (3, 200, 80, False, True, 1), (3, 184, 80, False, True, 1), (3, 184, 80, False, True, 1),
    (3, 480, 112, True, True, 1), (3, 672, 112, True, True, 1),
    (5, 672, 160, True, True, 2), (5, 960, 160, True, True, 1), (5, 960, 160, True, True, 1))


def mobilenet_v3_large() -> ModelProto:
    """MobileNetV3-Large: 5.4 million weights, 0.22 billion multiply-adds an image."""
    net = Network()
    last = net.then("HardSwish", [net.conv("image", (3, 16), 3, stride=2)])
    channels = 16
    for kernel, expanded, outputs, has_squeeze, is_swish, stride in MOBILENET_BLOCKS:
        activation = "HardSwish" if is_swish else "Relu"
        inner = last if expanded == channels else net.then(activation, [net.conv(last, (channels, expanded), 1)])
        inner = net.conv(inner, (expanded, expanded), kernel, stride=stride, groups=expanded)
        inner = net.then(activation, [inner])
        if has_squeeze:
            inner = squeeze_and_excite(net, inner, expanded)
        inner = net.conv(inner, (expanded, outputs), 1)
        last = net.then("Add", [inner, last]) if stride == 1 and channels == outputs else inner
        channels = outputs
    last = net.then("HardSwish", [net.conv(last, (channels, 960), 1)])
    pooled = net.then("GlobalAveragePool", [last])
    head = net.then("HardSwish", [net.conv(pooled, (960, 1280), 1)])
    net.classify(head, 1280)
    return net.image_model("mobilenet-v3-large")


def squeeze_and_excite(net: Network, source: str, channels: int) -> str:
    squeezed = (channels // 4 + 4) // 8 * 8
    pooled = net.then("GlobalAveragePool", [source])
    inner = net.then("Relu", [net.conv(pooled, (channels, squeezed), 1)])
    gate = net.then("HardSigmoid", [net.conv(inner, (squeezed, channels), 1)], alpha=1 / 6, beta=0.5)
    return net.then("Mul", [source, gate])


LAYERS, HIDDEN, HEADS, FEED_FORWARD = 6, 384, 12, 1536
# The table of a real vocabulary (30,522 tokens) would be half of the file and no part of the run's time.
VOCABULARY, POSITIONS = 2048, 512


def encoder() -> ModelProto:
    """A sentence encoder of MiniLM's size: 6 layers, hidden 384, 12 heads, feed-forward 1536; mean over the tokens."""
    net = Network()
    mask = net.then("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    absent = net.then("Sub", [net.constant(1), mask])
    penalty = net.then("Unsqueeze", [net.then("Mul", [absent, net.constant(-1e4)]), net.constant([1, 2], np.int64)])
    last = layer_norm(net, net.then("Add", [embed(net), positions(net)]))
    for _ in range(LAYERS):
        last = layer_norm(net, net.then("Add", [attention(net, last, penalty), last]))
        inner = gelu(net, net.linear(last, HIDDEN, FEED_FORWARD))
        last = layer_norm(net, net.then("Add", [net.linear(inner, FEED_FORWARD, HIDDEN), last]))
    present = net.then("Unsqueeze", [mask, net.constant([2], np.int64)])
    total = net.then("ReduceSum", [net.then("Mul", [last, present]), net.constant([1], np.int64)], keepdims=0)
    net.add("Div", [total, net.then("ReduceSum", [present, net.constant([1], np.int64)], keepdims=0)], "embedding")
    tokens = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "S"]) for name in ("input_ids", "attention_mask")]
    return net.model("encoder", tokens, [floats("embedding", HIDDEN)])


def embed(net: Network) -> str:
    return net.then("Gather", [net.random_weight((VOCABULARY, HIDDEN), 1.0), "input_ids"])


def positions(net: Network) -> str:
    """The first S rows of the table of positions."""
    length = net.then("Gather", [net.then("Shape", ["input_ids"]), net.constant([1], np.int64)])
    table = net.random_weight((POSITIONS, HIDDEN), 0.1)
    return net.then("Slice", [table, net.constant([0], np.int64), length, net.constant([0], np.int64)])


def attention(net: Network, source: str, penalty: str) -> str:
    size = HIDDEN // HEADS
    split = net.constant([0, 0, HEADS, size], np.int64)
    query, key, value = (
        net.then("Transpose", [net.then("Reshape", [net.linear(source, HIDDEN, HIDDEN), split])], perm=perm)
        for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    scores = net.then("Div", [net.then("MatMul", [query, key]), net.constant(size ** 0.5)])
    shares = net.then("Softmax", [net.then("Add", [scores, penalty])], axis=-1)
    mixed = net.then("Transpose", [net.then("MatMul", [shares, value])], perm=[0, 2, 1, 3])
    return net.linear(net.then("Reshape", [mixed, net.constant([0, 0, HIDDEN], np.int64)]), HIDDEN, HIDDEN)


def layer_norm(net: Network, source: str) -> str:
    return net.then("LayerNormalization", [source, net.constant(np.ones(HIDDEN)), net.constant(np.zeros(HIDDEN))], axis=-1)


def gelu(net: Network, source: str) -> str:
    """x / 2 · (1 + erf(x / √2)), the pattern that runtimes fuse."""
    error = net.then("Erf", [net.then("Div", [source, net.constant(2 ** 0.5)])])
    product = net.then("Mul", [source, net.then("Add", [error, net.constant(1)])])
    return net.then("Mul", [product, net.constant(0.5)])


def image_mean() -> ModelProto:
    """The mean of an image: reads every number once and computes next to nothing, so that only its way here is measured."""
    net = Network()
    net.add("ReduceMean", ["image"], "mean", axes=[1, 2, 3], keepdims=0)
    means = helper.make_tensor_value_info("mean", TensorProto.FLOAT, ["N"])
    return net.model("image-mean", [floats("image", 3, IMAGE_SIDE, IMAGE_SIDE)], [means])
