"""Peers: the same policy with dense weights in the libraries that people run policies with, one observation at a time.

Each takes a NumPy observation and answers with the action, normalization included, as the exported policies do. One
thread each, as a control loop has it, and no batch, because a policy that acts has one observation.
"""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from sparserl.deploy.formats import is_perceptron
from sparserl.deploy.place import scratch_folder
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Dense

Act = Callable[[np.ndarray], Any]


class Peers(NamedTuple):
    """Functions of one observation by library, and one line for each library that is not measured, saying why."""

    acts: Mapping[str, Act]
    notes: tuple[str, ...]


def peers(policy: Policy) -> Peers:
    """The peers that are installed."""
    if not is_perceptron(policy):
        return Peers({}, ("other libraries: not measured, because only multi-layer perceptrons are",))
    absent, acts = absent_peers(), dict[str, Act]()
    notes = list(absent.values())
    for name, make in _MAKERS.items():
        if name in absent:
            continue
        try:
            acts[name] = make(policy)
        except Exception as error:  # it is installed, and does not work
            told = str(error).strip().splitlines() or [type(error).__name__]
            notes.append(f"{name}: not measured, because {told[0]}")
    return Peers(acts, tuple(notes))


def absent_peers() -> dict[str, str]:
    """Why libraries cannot be measured here, by name, one line each."""
    missing = {
        name: [module for module in modules if importlib.util.find_spec(module) is None]
        for name, modules in _MODULES.items()
    }
    return {
        name: f"{name}: not measured, because {' and '.join(modules)} is not installed"
        for name, modules in missing.items()
        if modules
    }


def jax_jitted(policy: Policy) -> Act:
    """One compiled function of JAX, its weights as arguments, as agents call it."""
    import jax
    import jax.numpy as jnp

    layers = [step for step in policy.steps if isinstance(step, Dense)]
    activations = [layer.activation for layer in layers]
    functions: Mapping[str | None, Callable[[Any], Any]] = {"relu": jax.nn.relu, "tanh": jnp.tanh, None: lambda x: x}

    def acting(weights: Any, observation: Any) -> Any:
        x = _prepared(policy, observation, jnp)
        for (kernel, bias), activation in zip(weights, activations, strict=True):
            x = functions[activation](x @ kernel + bias)
        return _decided(policy, x, jnp)

    compiled = jax.jit(acting)
    weights = jax.device_put([(layer.kernel, layer.bias) for layer in layers], jax.devices("cpu")[0])
    return lambda observation: compiled(weights, observation).block_until_ready()


def onnxruntime(policy: Policy) -> Act:
    """The dense export as a session of one thread."""
    from sparserl.deploy import onnx

    with scratch_folder() as folder:
        file = folder / "policy.onnx"
        onnx.write(policy, file, "dense")
        session = onnx.opened(file)
    return lambda observation: session.act(observation[None])


def torch(policy: Policy) -> Act:
    """PyTorch in inference mode, layer by layer."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    functions = {"relu": torch.relu, "tanh": torch.tanh, None: lambda x: x}
    layers = [
        (torch.from_numpy(step.kernel.T.copy()), torch.from_numpy(step.bias.copy()), functions[step.activation])
        for step in policy.steps
        if isinstance(step, Dense)
    ]

    def acting(observation: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = torch.from_numpy(_prepared(policy, observation, np))
            for kernel, bias, activation in layers:
                x = activation(torch.nn.functional.linear(x, kernel, bias))
            return np.asarray(_decided(policy, x.numpy(), np))

    return acting


def _prepared(policy: Policy, observation: Any, numpy: Any) -> Any:
    """One observation as the first layer takes it, in NumPy or JAX; those of a control loop are finite."""
    x = numpy.ravel(observation).astype(np.float32)
    if policy.normalizer is None:
        return x if policy.divisor == 1.0 else x / np.float32(policy.divisor)
    normalizer = policy.normalizer
    return numpy.clip((x - normalizer.mean) / normalizer.scale, -normalizer.limit, normalizer.limit)


def _decided(policy: Policy, outputs: Any, numpy: Any) -> Any:
    """The action for outputs, in NumPy or JAX."""
    if policy.decision == "greatest":
        return numpy.argmax(outputs)
    assert policy.low is not None
    assert policy.high is not None
    if policy.decision == "tanh":
        outputs = policy.low + np.float32(0.5) * (policy.high - policy.low) * (numpy.tanh(outputs) + np.float32(1))
    return numpy.clip(outputs, policy.low, policy.high)


_MAKERS: Mapping[str, Callable[[Policy], Act]] = {"jax": jax_jitted, "onnxruntime": onnxruntime, "torch": torch}
_MODULES: Mapping[str, tuple[str, ...]] = {
    "jax": ("jax",),
    "onnxruntime": ("onnx", "onnxruntime"),
    "torch": ("torch",),
}
