"""A policy as an ONNX model: the observation made ready, the network, the decision, and the contract inside."""

import hashlib
import json
from importlib.metadata import version
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from sparserl.deploy.contract import DECISIONS, as_json
from sparserl.deploy.onnx import IN_MEMORY, Weights
from sparserl.deploy.onnx.network import add_network
from sparserl.deploy.onnx.parts import Parts, nothing
from sparserl.deploy.policy import Policy

OPSET, IR_VERSION = 13, 7  # of 2020: old enough for runtimes of years, new enough for every operator here
OBSERVATION, OUTPUTS, ACTION, BATCH = "observation", "outputs", "action", "batch"
DIGEST = "sha256"  # of the model without this entry
TYPES = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "bool": TensorProto.BOOL, "int32": TensorProto.INT32}
FLOAT = np.float32


def model_of(policy: Policy, weights: Weights) -> onnx.ModelProto:
    """The model of a policy: from `observation`, `[batch, *shape]`, to `action` and `outputs`, `[batch, ...]`."""
    parts = nothing(weights)
    prepared = _add_preparation(parts, policy)
    add_network(parts, policy.steps, prepared, policy.observation_shape, OUTPUTS)
    _add_decision(parts, policy)
    graph = helper.make_graph(
        parts.nodes,
        "policy",
        [_value(OBSERVATION, policy.contract.observation.dtype, policy.observation_shape, _of_observations(policy))],
        [
            _value(ACTION, policy.contract.action.dtype, policy.contract.action.shape, DECISIONS[policy.decision]),
            _value(OUTPUTS, "float32", (policy.num_outputs,), "what comes out of the network, before the decision"),
        ],
        parts.tensors,
        doc_string=f"A policy trained in {policy.contract.timing.environment}, as it acts without chance.",
        sparse_initializer=parts.sparse_tensors,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="sparserl",
        producer_version=version("sparserl"),
        doc_string="The metadata entry `contract` says what each number of observations and actions means.",
    )
    helper.set_model_props(model, {"contract": json.dumps(as_json(policy.contract)), "memory": IN_MEMORY})
    return model


def sealed(model: onnx.ModelProto) -> bytes:
    """The file of a model, with its digest inside."""
    model.metadata_props.add(key=DIGEST, value=_digest(model))
    return _serialized(model)


def is_whole(content: bytes) -> bool:
    """Whether a file is, in every byte that means anything, as it was sealed. Raises what protobuf raises."""
    model = onnx.ModelProto.FromString(content)
    *_, last = model.metadata_props or [onnx.StringStringEntryProto()]
    if last.key != DIGEST:
        return False
    del model.metadata_props[-1]
    return last.value == _digest(model)


def _digest(model: onnx.ModelProto) -> str:
    return hashlib.sha256(_serialized(model)).hexdigest()


def _serialized(model: onnx.ModelProto) -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _value(name: str, dtype: str, shape: tuple[int, ...], meaning: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TYPES[dtype], [BATCH, *shape], meaning)


def _of_observations(policy: Policy) -> str:
    told = policy.contract.observation
    names = ", ".join(feature.name for feature in told.features or ())
    return f"{names or told.meaning or 'what the environment gives'}. {told.not_finite}"


def _add_preparation(parts: Parts, policy: Policy) -> str:
    """Add what `Policy.prepared` does. Returns the name of the result."""
    x, shape, normalizer = OBSERVATION, policy.observation_shape, policy.normalizer
    is_float = policy.contract.observation.dtype == "float32"
    if not is_float:
        x = parts.add("Cast", [x], "observation.float32", to=TensorProto.FLOAT)
    if normalizer is not None:
        mean = parts.constant("observation.mean", normalizer.mean.astype(FLOAT).reshape(shape))
        scale = parts.constant("observation.scale", normalizer.scale.astype(FLOAT).reshape(shape))
        x = parts.add("Div", [parts.add("Sub", [x, mean], "observation.centered"), scale], "observation.normalized")
    elif policy.divisor != 1.0:
        x = parts.add("Div", [x, parts.constant("observation.divisor", FLOAT(policy.divisor))], "observation.divided")
    return _add_cut(parts, x, policy.limit) if is_float or normalizer is not None else x


def _add_cut(parts: Parts, x: str, limit: float) -> str:
    """Cut features at +- limit, and put 0 for those that are no numbers."""
    low, high = (parts.constant(name, FLOAT(value)) for name, value in (("lowest", -limit), ("highest", limit)))
    cut = parts.add("Clip", [x, low, high], "observation.cut")
    unknown = parts.add("IsNaN", [x], "observation.is_no_number")
    return parts.add("Where", [unknown, parts.constant("zero", FLOAT(0)), cut], "observation.prepared")


def _add_decision(parts: Parts, policy: Policy) -> None:
    """Add what `Policy.act` does with outputs."""
    if policy.decision == "greatest":
        greatest = parts.add("ArgMax", [OUTPUTS], "greatest", axis=1, keepdims=0)
        parts.add("Cast", [greatest], ACTION, to=TYPES[policy.contract.action.dtype])
        return
    operations = _operations(policy)
    x = OUTPUTS
    for index, (operator, *constants) in enumerate(operations):
        name = ACTION if index == len(operations) - 1 else f"decided_{index}"
        inputs = [x, *(parts.constant(f"{name}.{operator}", constant) for constant in constants)]
        x = parts.add(operator, inputs, name)


def _operations(policy: Policy) -> list[tuple[Any, ...]]:
    """Operators, each with its constant, that lead from outputs to a continuous action."""
    low, high, shape = policy.low, policy.high, policy.contract.action.shape
    assert low is not None
    assert high is not None
    operations: list[tuple[Any, ...]] = []
    if policy.decision == "tanh":
        half = FLOAT(0.5) * (high - low)
        operations += [("Tanh",), ("Add", FLOAT(1)), ("Mul", half), ("Add", low)]
    if np.isfinite(low).any():
        operations.append(("Max", low))
    if np.isfinite(high).any():
        operations.append(("Min", high))
    if len(shape) != 1:
        operations.append(("Reshape", np.asarray([-1, *shape], np.int64)))
    return operations or [("Identity",)]
