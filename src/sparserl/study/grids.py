"""Grids: every combination of methods, environments, sparsities and choices, and the dense networks beside them."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.experiment import (
    Experiment,
    canonical,
    check,
    choice_names,
    from_preset,
    matched_dense,
    rounds_otherwise,
    unknown_choice,
    with_choices,
)
from sparserl.types import UserError

SPARSE_METHODS = ("prune", "static", "set", "rigl")  # the paper's, in the order of its figures
DENSE = "dense"


def grid(
    agent: str,
    *,
    environments: Sequence[str],
    sparsities: Sequence[float],
    methods: Sequence[str] = SPARSE_METHODS,
    preset: str = "paper",
    **choices: Any,
) -> tuple[Experiment, ...]:
    """Every combination as a planned experiment, no two alike; none that could not be run.

    A choice is a field of `Experiment`; one inside another is named with dots, as in
    `**{"method.drop_fraction": [0.1, 0.3]}`. A list is swept, anything else holds for all; what a method lacks is left
    out for it. Dense networks come by themselves, with the preset's choices for dense: one of full size, and for every
    sparsity one with as many parameters as its sparse networks have alive (`matched_dense`).
    Raises UserError for what cannot be run.
    """
    for what, names in (("methods", methods), ("environments", environments), ("sparsities", sparsities)):
        _check_sequence(what, names)
    cells = list(_combinations(choices))
    template = _templates(agent, preset)
    _check_choices(template, (*methods, DENSE), environments[0], choices)
    experiments: list[Experiment] = []
    for environment, cell in itertools.product(environments, cells):
        dense = _experiment(template, DENSE, environment, cell)
        experiments.append(dense)
        for sparsity in sparsities:
            sparse = [
                _experiment(template, method, environment, {**cell, "sparsity": sparsity})
                for method in methods
                if method != DENSE
            ]
            experiments += [*sparse, *_matched(sparse, dense)]
    return distinct(experiments)


def full_dense(
    agent: str, environments: Sequence[str], preset: str = "paper", **choices: Any
) -> tuple[Experiment, ...]:
    """The dense experiments of a grid that are of full size, alone."""
    _check_sequence("environments", environments)
    cells, template = list(_combinations(choices)), _templates(agent, preset)
    return distinct(_experiment(template, DENSE, name, cell) for name in environments for cell in cells)


def distinct(experiments: Iterable[Experiment]) -> tuple[Experiment, ...]:
    """The experiments without repetitions, each where it comes first."""
    return tuple(dict.fromkeys(experiments))


def identifiers(experiments: Iterable[Experiment]) -> tuple[str, ...]:
    """The names of experiments, as a `Figure` takes them."""
    return tuple(experiment.identifier for experiment in experiments)


_known: dict[Experiment, Experiment] = {}  # as planned, of those that were checked: studies share most of theirs


def checked(experiment: Experiment) -> Experiment:
    """The experiment, planned, once it is sure that it can be run here, which is looked at once in a process."""
    if experiment not in _known:
        _known[experiment] = check(experiment)
    return _known[experiment]


class _Template(NamedTuple):
    """What a preset says, with the names of its choices and of those that hold others."""

    experiment: Experiment
    names: tuple[str, ...]
    places: frozenset[str]


_Templates = Callable[[str, str, Any], _Template]  # of method, environment and the kind of network; None: the usual one


def _templates(agent: str, preset: Any) -> _Templates:
    """Templates of an agent, each made once."""

    made: dict[str, _Template] = {}

    def template(method: str, environment: str, network: Any) -> _Template:
        key = repr((method, environment, network))  # a mistake need not be hashable
        if key not in made:
            kind = {} if network is None else {"network": network}
            experiment = from_preset(agent, method, environment, preset, **kind)
            names = choice_names(experiment)
            made[key] = _Template(experiment, tuple(names), frozenset(name.partition(".")[0] for name in names))
        return made[key]

    return template


def _experiment(template: _Templates, method: str, environment: str, cell: Mapping[str, Any]) -> Experiment:
    start = template(method, environment, cell.get("network"))
    known = {*start.names, *start.places}
    others = {name: value for name, value in cell.items() if name in known or not name.startswith("method.")}
    if isinstance(others.get("network"), str):  # the template has it, and all that its table says of it
        del others["network"]
    return checked(canonical(with_choices(start.experiment, others)))


def _matched(sparse: Sequence[Experiment], dense: Experiment) -> list[Experiment]:
    """The one dense experiment for all methods of one sparsity, though some round their counts otherwise."""
    return [checked(matched_dense(experiment, dense)) for experiment in sorted(sparse, key=rounds_otherwise)[:1]]


def _combinations(choices: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Each list replaced by each of its values in turn, the last one changing fastest."""
    for name, value in choices.items():
        if isinstance(value, list) and not value:
            raise UserError("a list is swept, so it must hold a value", field=name, value=value)
    lists = [value if isinstance(value, list) else [value] for value in choices.values()]
    return (dict(zip(choices, values, strict=True)) for values in itertools.product(*lists))


def _check_sequence(what: str, values: Any) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise UserError(f"give several, as in ({values!r},)", field=what, value=values)
    if not values:
        raise UserError("give at least one", field=what, value=values)
    if twice := [value for value in values if list(values).count(value) > 1]:
        raise UserError(f"it holds {twice[0]!r} twice", field=what, value=values)


def _check_choices(template: _Templates, methods: Sequence[str], environment: str, choices: Mapping[str, Any]) -> None:
    """A choice that none of the methods has, with any of the networks, is a mistake."""
    given = choices.get("network")
    kinds = given if isinstance(given, list) else [given]
    templates = [template(method, environment, kind) for method in methods for kind in kinds]
    names = list(dict.fromkeys(name for start in templates for name in start.names))
    places = {name.rpartition(".")[0] for name in names}
    for name in choices:
        if name not in names and name not in places:
            raise unknown_choice(name, names)
        if name in ("agent", "method", "environment", "sparsity"):
            raise UserError("a grid has an argument of its own for it", field=name)
