"""Parts of an ONNX graph as they are put together: nodes, and constants in the form that makes the file smaller."""

from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from sparserl.deploy.onnx import Weights


class Parts(NamedTuple):
    """What a graph is made of; the methods add to it and return the name of the value that they add."""

    weights: Weights
    nodes: list[onnx.NodeProto]
    tensors: list[onnx.TensorProto]
    sparse_tensors: list[onnx.SparseTensorProto]

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Any) -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def kernel(self, name: str, kernel: np.ndarray) -> str:
        """Add a kernel, in the smaller form where there is a choice."""
        dense = numpy_helper.from_array(np.ascontiguousarray(kernel), name)
        if self.weights == "auto":
            node = helper.make_node("Constant", [], [name], sparse_value=sparse_tensor("", kernel))
            _smaller((node, self.nodes), (dense, self.tensors))
        elif self.weights == "sparse":
            self.sparse_tensors.append(sparse_tensor(name, kernel))
        else:
            self.tensors.append(dense)
        return name


def sparse_tensor(name: str, array: np.ndarray) -> onnx.SparseTensorProto:
    """The entries of `array` that are not 0, by their places in row-major order.

    Places are `int64_data`, which takes one to four bytes each where `raw_data` takes eight.
    """
    places = np.flatnonzero(array)
    values = numpy_helper.from_array(array.ravel()[places], name)
    indices = helper.make_tensor("", onnx.TensorProto.INT64, [len(places)], places)
    return helper.make_sparse_tensor(values, indices, array.shape)


def _smaller(*forms: tuple[Any, list[Any]]) -> None:
    """Add the smallest of several messages to its list."""
    message, messages = min(forms, key=lambda form: form[0].ByteSize())
    messages.append(message)


def nothing(weights: Weights) -> Parts:
    """Parts of a graph without any."""
    return Parts(weights, [], [], [])
