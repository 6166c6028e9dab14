"""Choosing: from what somebody asks of `sparsify` to a method, a number of updates, and each layer's sparsity."""

import dataclasses
import numbers
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from sparserl.sparsity.distributions import Shapes, erk, uniform
from sparserl.sparsity.finding import layers_called
from sparserl.sparsity.masks import Sparsities
from sparserl.sparsity.methods import SparseMethod, find_method
from sparserl.sparsity.schedules import Window
from sparserl.types import UserError

DISTRIBUTIONS: dict[str, Callable[..., Sparsities]] = {"erk": erk, "uniform": uniform}
_OF_WINDOWS = [field.name for field in dataclasses.fields(Window)]
_OF_METHODS = ("window", "wants_gradients", "born_sparse", "initial_live", "final_live", "init", "update")


def check_plain(choices: Mapping[str, Any]) -> None:
    """UserError for numbers that JAX has made arrays of: what is chosen must be known before anything is compiled."""
    for name, value in choices.items():
        if isinstance(value, jax.Array) and value.ndim == 0 and not jnp.issubdtype(value.dtype, jax.dtypes.prng_key):
            raise UserError(
                f"{name} is an array of JAX, and is to be a plain number that is known before training, with an "
                "optimizer of its own for each: optax.inject_hyperparams, which SBX calls, makes arrays of all numbers "
                "that a function takes, its defaults, too; let it take the learning rate alone, and know the others "
                "from around it"
            )


def chosen_method(method: str | SparseMethod, choices: Mapping[str, Any], others: Collection[str]) -> SparseMethod:
    """The method of this name, or one that is made already, with `choices` of its own and of its window.

    others: words that whoever asks may have meant by a choice that the method does not have.
    """
    kind: Any = find_method(method) if isinstance(method, str) else type(method)
    if not isinstance(method, str) and not _is_method(method):
        raise UserError(f"method is {method!r}: give a name, or a method that is made, such as RigL(drop_fraction=0.3)")
    name = method if isinstance(method, str) else kind.__name__
    own = [field.name for field in dataclasses.fields(kind) if field.init] if dataclasses.is_dataclass(kind) else []
    allowed = [*own, *(_OF_WINDOWS if "window" in own else ())]
    for word in choices:
        if word not in allowed:
            raise UserError(f"{name} has no such choice", field="choice", value=word, allowed=[*allowed, *others])
    of_window = {word: value for word, value in choices.items() if word not in own}
    of_method = {word: value for word, value in choices.items() if word in own}
    try:
        made: Any = kind(**of_method) if isinstance(method, str) else _replaced(method, of_method)
        if not _is_method(made):  # of another package
            raise UserError(
                f"method is {method!r}, whose class {kind.__name__} does not have all of {', '.join(_OF_METHODS)}"
            )
        if made.window is not None and not isinstance(made.window, Window):
            raise UserError("it must be a sparserl.sparsity.Window", field="window", value=made.window)
        return _replaced(made, {"window": _replaced(made.window, of_window)}) if of_window else made
    except TypeError as error:
        raise UserError(f"the choices of {name} do not fit it: {error}") from error


def chosen_total(method: SparseMethod, total_updates: Any) -> int:
    """A number of updates in which the method's window fires; 0 for a method that never changes the topology."""
    if total_updates is None and method.window is not None:
        raise UserError(
            f"total_updates is not given: {type(method).__name__} changes the topology in a part of all updates"
        )
    if total_updates is None:
        return 0
    if isinstance(total_updates, str):  # float() would read it
        raise _not_whole(total_updates)
    try:
        total = operator.index(int(total_updates) if float(total_updates).is_integer() else total_updates)
    except (TypeError, ValueError) as error:
        raise _not_whole(total_updates) from error
    if total < 1:
        raise _not_whole(total_updates)
    if method.window is not None:
        method.window.check(total)
    return total


def chosen_sparsities(
    shapes: Shapes, sparsity: float, distribution: str, overrides: Mapping[str, float], rebudget: bool
) -> Sparsities:
    """The sparsity of each layer; an override may name a layer or a module, and a layer goes before its module."""
    exact = {word: value for word, value in overrides.items() if word in shapes}
    given: dict[str, str] = {}
    for word in overrides.keys() - exact.keys():
        for name in layers_called(word, "overrides", shapes) - exact.keys():
            if name in given:
                raise UserError(
                    f"{given[name]!r} and {word!r} both mean it; name the layer itself", field="overrides", value=name
                )
            given[name] = word
    values = exact | {name: overrides[word] for name, word in given.items()}
    return DISTRIBUTIONS[distribution](
        shapes, sparsity, {name: values[name] for name in shapes if name in values}, rebudget
    )


def check_overrides(overrides: Any) -> None:
    """UserError unless they are numbers by name."""
    if not isinstance(overrides, Mapping) or not all(isinstance(word, str) for word in overrides):
        raise UserError("they are sparsities by layer, such as {'output': 0.5}", field="overrides", value=overrides)
    check_plain({f"overrides[{layer!r}]": value for layer, value in overrides.items()})
    for layer, value in overrides.items():
        check_fraction(f"overrides[{layer!r}]", value)


def check_fraction(field: str, value: Any) -> None:
    """UserError unless it is a number; the distributions know which."""
    if hasattr(value, "aval"):  # an array of JAX, perhaps of a batch whose numbers are not known yet
        raise UserError(
            "how many weights live is part of the program: give a plain number, and each level an optimizer of its own",
            field=field,
            value=value,
        )
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        raise UserError("a sparsity is a number, at least 0 and below 1", field=field, value=value)


def _is_method(made: Any) -> bool:
    """Whether it is made, and has all that a method has; a class may lack the fields that it makes."""
    return not isinstance(made, type) and all(hasattr(made, word) for word in _OF_METHODS)


def _replaced(made: Any, values: Mapping[str, Any]) -> Any:
    return dataclasses.replace(made, **values) if values else made


def _not_whole(total_updates: Any) -> UserError:
    return UserError(
        "it must be a whole number, at least 1, known before training", field="total_updates", value=total_updates
    )
