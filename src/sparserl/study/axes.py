"""Axes: what figures may have on theirs, so that a figure of a stored study is a query over the results."""

from collections.abc import Iterable

from sparserl.experiment import Experiment, choice_names, unknown_choice
from sparserl.persistence import DIAGNOSTICS, FACTS

_IDENTITY = ("agent", "method", "environment", "sparsity")
_ALONG = ("environment_steps", "num_updates", "seconds", "training_macs", "observation_noise")  # of curves
_OF_NETWORKS = ("network", "layer")  # where y is one of the diagnostics
_RETURNS = ("final_return", "mean_return", "normalized_return", "human_normalized_return")


def check_axes(figure: str, y: str, others: dict[str, str], experiments: Iterable[Experiment]) -> None:
    """Refuse axes that a figure's rows do not have: `y` is measured, `others` are columns or choices, or empty.

    Raises UserError naming the figure and the axis, with what there is and the nearest of it.
    """
    diagnosed = sorted(DIAGNOSTICS.nullable)
    _check(figure, "y", y, [*_RETURNS, *diagnosed])
    kinds = {(each.agent, each.method, each.network, each.optimizer): each for each in experiments}  # have all names
    choices = dict.fromkeys(name for experiment in kinds.values() for name in choice_names(experiment))
    columns = [*_IDENTITY, *FACTS, *_ALONG, *(_OF_NETWORKS if y in diagnosed else ())]
    for axis, name in others.items():
        if name or axis == "x":
            _check(figure, axis, name, list(dict.fromkeys([*columns, *choices])))


def _check(figure: str, axis: str, name: str, names: list[str]) -> None:
    if name not in names:
        error = unknown_choice(name, names)
        error.locate(f"figure {figure}, {axis}")
        raise error
