"""Writes a policy as C: a header, a source, an example program and its CMakeLists.txt."""

import functools
import hashlib
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from sparserl.deploy.c import comment
from sparserl.deploy.c.forms import Sparse
from sparserl.deploy.c.golden import Golden, golden
from sparserl.deploy.c.kernels import TOLD, activated, calls, has_scalar_code, in_lanes, kernels_of
from sparserl.deploy.c.layers import CLayer, is_full, layers_of, lengths_type, stack_floats
from sparserl.deploy.c.matrices import WeightsName, quantized
from sparserl.deploy.c.numbers import ConstantArray, literal, table
from sparserl.deploy.policy import Policy
from sparserl.types import UserError

PREFIX = "sparserl_policy"
LARGEST_FLOAT = float(np.finfo(np.float32).max)

# The quotient of polynomials of x^2, times x, that is nearest to tanh between -9.02 and 9.02, where float32 has reached
# 1: least squares, reweighted until the largest relative error is 2e-8; with float32's own rounding it is 4e-7.
TANH = {
    "end": "9.02f",
    "top": ["1.0f", "0.133797213f", "0.00349403615f", "2.05834422e-05f", "1.33189086e-08f"],
    "bottom": ["1.0f", "0.467130363f", "0.0258710831f", "0.000328309252f", "7.7619751e-07f"],
}


def write(
    policy: Policy,
    folder: Path,
    weights: WeightsName = "float32",
    observations: np.ndarray | None = None,
    prefix: str = PREFIX,
) -> list[Path]:
    """The files that were written into a folder. Raises UserError for a policy that C is not written for.

    observations: `[n, *shape]`, recorded ones that the self-test takes some of. prefix: of all names and both files.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", prefix):
        raise UserError("it must be a name of C: letters, digits and underscores", field="prefix", value=prefix)
    described = _described(policy, weights, observations, prefix)
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        f"{prefix}.h": "policy.h",
        f"{prefix}.c": "policy.c",
        "main.c": "main.c",
        "CMakeLists.txt": "CMakeLists.txt",
    }
    for name, template in made.items():
        text = _template(template).render(described)
        comment_of = "# {}" if name == "CMakeLists.txt" else "/* {} */"
        (folder / name).write_text(sealed(text, comment_of), encoding="ascii")
    return [folder / name for name in made]


def sealed(text: str, comment_of: str = "/* {} */") -> str:
    """A file with its own digest as the last line, a comment, so that a changed byte can be told."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text}{comment_of.format(f'SHA-256 of all before this line: {digest}')}\n"


def _described(policy: Policy, weights: WeightsName, observations: np.ndarray | None, prefix: str) -> dict[str, Any]:
    """All that the templates ask for."""
    layers = layers_of(policy, weights)
    tests = golden(quantized(policy) if weights == "int8" else policy, observations)
    kernels = list(dict.fromkeys(kernel for layer in layers for kernel in kernels_of(layer)))
    in_slices = [kernel for kernel in kernels if kernel.kind == "slices"]
    wide = [layer for layer in layers if in_lanes(layer)]
    absolute = {"uint32_t" if kernel.indexing == "delta" else kernel.integer for kernel in in_slices}
    in_turn = calls(layers)
    tables, stack = _tables(policy, normalizes=bool(in_turn)), stack_floats(policy.num_features, layers)
    bytes_of_tables = sum(layer.num_bytes for layer in layers) + 4 * sum(each.size for each in tables)
    num_outputs = policy.num_outputs
    of_decision = {"tanh"} if policy.decision == "tanh" else set[str]()
    return {
        "title": comment.harmless(f"A policy for {policy.contract.timing.environment}."),
        "version": version("sparserl"),
        "prefix": prefix,
        "PREFIX": prefix.upper(),
        "contract": comment.lines(policy.contract),
        "decision": policy.decision,
        "num_features": policy.num_features,
        "num_outputs": num_outputs,
        "live_weights": sum(int(np.count_nonzero(layer.form.weights)) for layer in layers if layer.form),
        "table_bytes": bytes_of_tables,
        "stack_bytes": 4 * (sum(stack) + num_outputs),
        "stack": stack,
        "normalizer": policy.normalizer,
        "divisor": "" if policy.divisor == 1.0 else literal(policy.divisor),
        "limit": literal(policy.limit),
        "weights": weights,
        "weight": "int8_t" if weights == "int8" else "float",
        "scaled": weights == "int8",
        "cast": "(float)" if weights == "int8" else "",
        "length": lengths_type(layers),
        "layers": [_layer(layer, number) for number, layer in enumerate(layers, 1)],
        "kernels": kernels,
        "lanes": bool(in_slices or wide),
        "wide": bool(wide),
        "narrow": any(kernel.indexing == "narrow" for kernel in in_slices),
        "absolute": sorted(absolute),
        "in_lanes": {kernel.activation for kernel in in_slices} | {layer.activation for layer in wide},
        "activated": activated,
        "functions": {layer.activation for layer in layers if layer.form} | of_decision,
        "scalar_functions": {layer.activation for layer in layers if has_scalar_code(layer)} | of_decision,
        "tanh": TANH,
        "tables": tables,
        "golden": _golden(tests),
        "num_golden": len(tests.observations),
        "self_test_limit": f"{literal(float(f'{1.05 * tests.limit:.2g}'))}",
        "calls": in_turn,
    }


def _layer(layer: CLayer, number: int) -> dict[str, Any]:
    """A layer as the templates read it."""
    form = layer.form
    arrays = {"biases": layer.biases}
    if form is not None:
        arrays["weights"] = form.weights
        if layer.scales is not None:
            arrays["scales"] = layer.scales
    if isinstance(form, Sparse):
        arrays |= {"indices": form.indices, "lengths": form.lengths}
        told = f"{np.count_nonzero(form.weights)} weights, {TOLD[form.indexing]}"
    else:
        told = "no weights" if form is None else "dense"
    return {
        **layer._asdict(),
        "name": comment.harmless(layer.name),
        "number": number,
        "num_units": layer.num_units,
        "is_full": is_full(layer),
        "in_lanes": in_lanes(layer),
        "told": told,
        "tables": [table(kind, array) for kind, array in arrays.items()],
    }


def _tables(policy: Policy, normalizes: bool) -> list[ConstantArray]:
    """What goes before and behind the layers. normalizes: not where outputs depend on nothing that is observed."""
    tables = list[ConstantArray]()
    if policy.normalizer is not None and normalizes:
        tables.append(table("feature_means", policy.normalizer.mean.astype(np.float32), "what features are less"))
        tables.append(table("feature_scales", policy.normalizer.scale.astype(np.float32), "and are divided by"))
    if policy.low is not None and policy.high is not None:
        low, high = (np.clip(bound, -LARGEST_FLOAT, LARGEST_FLOAT).ravel() for bound in (policy.low, policy.high))
        tables.append(table("action_lows", low.astype(np.float32), "the lowest action"))
        tables.append(table("action_highs", high.astype(np.float32), "the highest action"))
        if policy.decision == "tanh":
            half = np.float32(0.5) * (high.astype(np.float32) - low.astype(np.float32))
            tables.append(table("action_halves", half, "half of what is between them"))
    return tables


def _golden(tests: Golden) -> list[ConstantArray]:
    arrays = {"observations": tests.observations, "outputs": tests.outputs, "actions": tests.actions}
    return [table(f"golden_{name}", array) for name, array in arrays.items()]


@functools.cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _template(name: str) -> jinja2.Template:
    return _environment().get_template(name)
