"""Formats: what an export can be written as, one entry each."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from sparserl.deploy import c, onnx, safetensors
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Dense, Flatten
from sparserl.deploy.verification import Mismatch, Written
from sparserl.types import UserError

ONNX_FILE = "policy.onnx"
WeightsName = Literal["float32", "int8"]


class Choices(NamedTuple):
    """How weights are written. onnx_weights: of a format that has sparse arrays as well as dense ones."""

    weights: WeightsName = "float32"
    onnx_weights: onnx.Weights = "auto"


class Format(NamedTuple):
    """What a policy can be written as.

    weights: those of `--weights` that it has. require: raises `UserError`, with the command that installs it, where
    something is missing here. check: raises `UserError` for a policy that the format cannot hold. write: puts files
    into an empty folder; it may choose among recorded observations for tests of its own. opened: what was written
    there, as something that acts, for as long as it is open. approximate: the policy as it is written where that is
    not exact; its artefact is held to that one. others: the same built in further ways, which are held to it, too.
    """

    weights: tuple[WeightsName, ...]
    require: Callable[[], None]
    check: Callable[[Policy], None]
    write: Callable[[Policy, Path, Choices, np.ndarray], None]
    opened: Callable[[Policy, Path, Choices], contextlib.AbstractContextManager[Written]]
    approximate: Callable[[Policy, Choices], Policy] = lambda policy, choices: policy
    others: Callable[[Policy, Path], Sequence[Written]] = lambda policy, folder: ()


def is_perceptron(policy: Policy) -> bool:
    """Whether a policy is dense layers alone."""
    return all(isinstance(step, Dense | Flatten) for step in policy.steps)


def _require_c() -> None:
    c.compiler()


def _check_c(policy: Policy) -> None:
    c.dense_layers(policy)


def _write_c(policy: Policy, folder: Path, choices: Choices, recorded: np.ndarray) -> None:
    c.write(policy, folder, choices.weights, recorded)


@contextlib.contextmanager
def _opened_c(policy: Policy, folder: Path, choices: Choices) -> Iterator[c.Compiled]:
    """What was written, compiled, once its golden vectors are met: as devices run it, without vector instructions."""
    written = _compiled_c(policy, folder, c.SCALAR)
    c.require_golden(written, folder)
    yield written


def _others_c(policy: Policy, folder: Path) -> list[Written]:
    """The same with the vector instructions of this processor; none where the compiler does not know the word."""
    try:
        written = _compiled_c(policy, folder, ("-march=native",))
    except Mismatch:
        raise
    except UserError:
        return []
    c.require_golden(written, folder)
    return [written]


def _compiled_c(policy: Policy, folder: Path, flags: Sequence[str]) -> c.Compiled:
    action = policy.contract.action
    return c.compiled(folder, action.shape if action.kind == "continuous" else None, flags)


def _approximate_c(policy: Policy, choices: Choices) -> Policy:
    return c.quantized(policy) if choices.weights == "int8" else policy


def _write_safetensors(policy: Policy, folder: Path, choices: Choices, recorded: np.ndarray) -> None:
    safetensors.write(policy, folder)


def _opened_safetensors(
    policy: Policy, folder: Path, choices: Choices
) -> contextlib.AbstractContextManager[safetensors.Stored]:
    return contextlib.nullcontext(safetensors.opened(policy, folder))


def _write_onnx(policy: Policy, folder: Path, choices: Choices, recorded: np.ndarray) -> None:
    onnx.write(policy, folder / ONNX_FILE, choices.onnx_weights)


def _opened_onnx(policy: Policy, folder: Path, choices: Choices) -> contextlib.AbstractContextManager[Written]:
    file = folder / ONNX_FILE
    written = onnx.opened(file)
    if file.read_bytes() != onnx.content(policy, choices.onnx_weights):
        raise Mismatch(f"{file} holds another model than the policy's")
    return contextlib.nullcontext(written)


FORMATS: Mapping[str, Format] = {
    "c": Format(("float32", "int8"), _require_c, _check_c, _write_c, _opened_c, _approximate_c, _others_c),
    "onnx": Format(("float32",), onnx.require, lambda policy: None, _write_onnx, _opened_onnx),
    "safetensors": Format(("float32",), lambda: None, lambda policy: None, _write_safetensors, _opened_safetensors),
}


def find_format(name: str, choices: Choices) -> Format:
    """The format of this name. Raises `UserError` for one that there is not, and for weights that it has not."""
    if name not in FORMATS:
        raise UserError(field="format", value=name, allowed=FORMATS)
    found = FORMATS[name]
    if choices.weights not in found.weights:
        holders = [other for other, each in FORMATS.items() if choices.weights in each.weights]
        of_others = f"; format {' or '.join(holders)} has them" if holders else ""
        raise UserError(
            f"format {name} has weights {' or '.join(found.weights)}{of_others}", field="weights", value=choices.weights
        )
    if choices.onnx_weights != "auto" and name != "onnx":
        raise UserError(f"format {name} has no such choice", field="onnx_weights", value=choices.onnx_weights)
    return found
