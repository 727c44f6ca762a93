"""ONNX graphs written node by node: the layers that the small networks here are made of.

Written by hand rather than converted, so that the graph is as plain as the network and its names are ours.
"""
from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from example_model import IR_VERSION, OPSET

FLOAT = TensorProto.FLOAT


class GraphBuilder:
    """Collects nodes and weights; tensors are passed about by name."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []

    def weight(self, name: str, values: np.ndarray) -> str:
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output + "_" + operator.lower(), **attributes))
        return output

    def standard_scale(self, source: str, output: str, mean: np.ndarray, scale: np.ndarray) -> str:
        """(source - mean) / scale by column, as scikit-learn's StandardScaler."""
        centred = self.add("Sub", [source, self.weight("mean", mean.astype(np.float32))], "centred")
        return self.add("Div", [centred, self.weight("scale", scale.astype(np.float32))], output)

    def dense(self, source: str, output: str, layers: list[tuple[np.ndarray, np.ndarray]]) -> str:
        """Dense layers with ReLU between them and nothing after the last; weights are [inputs, outputs]."""
        for index, (kernel, bias) in enumerate(layers):
            is_last = index == len(layers) - 1
            names = [source, self.weight(f"kernel_{index}", kernel.astype(np.float32)),
                     self.weight(f"bias_{index}", bias.astype(np.float32))]
            source = self.add("Gemm", names, output if is_last else f"dense_{index}")
            if not is_last:
                source = self.add("Relu", [source], f"hidden_{index}")
        return source

    def model(self, name: str, inputs: list, outputs: list) -> ModelProto:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def floats(name: str, *dims: int | str) -> object:
    """A float32 field [N, ...dims]."""
    return helper.make_tensor_value_info(name, FLOAT, ["N", *dims])


def layers_of(network: object) -> list[tuple[np.ndarray, np.ndarray]]:
    """The dense layers of a scikit-learn multi-layer perceptron with ReLU."""
    assert network.activation == "relu"
    return list(zip(network.coefs_, network.intercepts_))
