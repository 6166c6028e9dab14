"""Series: what a run measured along its training, and the curve of the seeds that stand behind one line."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sparserl.persistence import UserError, has_diagnostics, read_diagnostics
from sparserl.report.cells import has_diverged
from sparserl.report.figures.curve_panels import Band, Curve
from sparserl.report.figures.points import Measure
from sparserl.report.figures.specs import MEASURES, NORMALIZED, OF_NETWORKS, Spec
from sparserl.report.statistics import estimate, interquartile_mean_over_tasks, run_scores

if TYPE_CHECKING:
    from sparserl.report.runs import Run

WHOLE = "all"  # the layer that stands for a network
_NUM_PLACES = 60  # of curves along seconds
_MOST_POOLED = 21  # places at which environments are pooled


class Series(NamedTuple):
    """One run's values along x, NaN where there is none; `network` has network and layer where it is of one."""

    run: "Run"
    network: Mapping[str, str]
    places: np.ndarray
    values: np.ndarray


def series_of(run: "Run", spec: Spec, measure: Measure) -> Iterator[Series]:
    """Those of a run: of its returns, or of every network and layer that the figure is to show."""
    if spec.y not in MEASURES:
        returns = np.asarray(run.mean_return, np.float64)
        if spec.y in NORMALIZED:
            scale = measure.normalizations[run.id.experiment]
            returns = np.array([np.nan if (value := scale(each)) is None else value for each in returns], np.float64)
        yield Series(run, {}, _along(run, spec.x, run.environment_steps, run.num_updates), returns)
    elif run.folder is not None and has_diagnostics(run.folder):
        yield from _diagnosed(run, spec)


def _diagnosed(run: "Run", spec: Spec) -> Iterator[Series]:
    table = read_diagnostics(run.folder)  # type: ignore[arg-type]
    wanted = ("network", "layer", "environment_steps", "num_updates", spec.y)
    network, layer, steps, updates, values = (np.asarray(table[name].to_pylist()) for name in wanted)
    by_layer = "layer" in (*spec.facets, spec.lines)
    for key in sorted(set(zip(network.tolist(), layer.tolist(), strict=True))):
        chosen = (network == key[0]) & (layer == key[1])
        if (key[1] != WHOLE) == by_layer:
            places = _along(run, spec.x, steps[chosen].astype(np.int64), updates[chosen].astype(np.int64))
            yield Series(run, dict(zip(OF_NETWORKS, key, strict=True)), places, values[chosen].astype(np.float64))


def _along(run: "Run", x: str, steps: np.ndarray, updates: np.ndarray) -> np.ndarray:
    """Where measurements at these steps and updates stand on the x axis."""
    if x == "environment_steps":
        return steps
    if x == "num_updates":
        return updates
    if x == "seconds":
        return np.interp(steps, run.environment_steps, run.seconds)
    if x == "training_macs":
        macs = run.columns.get("live_macs")
        return updates * (np.nan if macs is None else float(macs))
    raise UserError(field="x", value=x, allowed=("environment_steps", "num_updates", "seconds", "training_macs"))


def curve_of(series: Sequence[Series], x: str) -> Curve:
    """The seeds of a line at all places that one of them has; of seconds, at places of a grid that all of them have.

    Seeds that share no second, because some began late on a crowded machine, stand each at places of its own.
    """
    diverged = [_has_diverged(each.run) for each in series]
    if x == "seconds" and (common := shared(series)) is not None:
        places = np.linspace(*common, _NUM_PLACES)
        values = [np.interp(places, each.places, each.values) for each in series]
    else:
        places = np.unique(np.concatenate([each.places for each in series]))
        places = places[np.isfinite(places)]
        known = [dict(zip(each.places.tolist(), each.values.tolist(), strict=True)) for each in series]
        values = [np.array([each.get(place, np.nan) for place in places.tolist()]) for each in known]
    array = np.array(values, np.float64)
    measured = np.isfinite(array).any(axis=0)  # gradients are not before the first update
    curve = Curve(places[measured], np.where(np.isfinite(array), array, np.nan)[:, measured], sum(diverged))
    return _pooled(curve, series) if len({_environment(each) for each in series}) > 1 else curve


def shared(series: Sequence[Series]) -> tuple[float, float] | None:
    """From where to where all of them have values; None where nowhere."""
    first, last = max(each.places[0] for each in series), min(each.places[-1] for each in series)
    return (first, last) if first <= last else None


def _has_diverged(run: "Run") -> bool:
    """By its returns: a measure may lack a value for other reasons."""
    return has_diverged(run) or not np.isfinite(np.asarray(run.mean_return, np.float64)).all()


def _environment(series: Series) -> str:
    return str(series.run.columns.get("environment"))


def _pooled(curve: Curve, series: Sequence[Series]) -> Curve:
    """The interquartile mean over the runs of all environments, at a part of the places where every run has a value."""
    complete = np.flatnonzero(np.isfinite(curve.returns).all(axis=0))
    chosen = (
        complete[np.unique(np.linspace(0, max(len(complete) - 1, 0), _MOST_POOLED).astype(int))]
        if len(complete)
        else complete
    )
    rows = []
    for place in chosen:
        by_task: dict[str, dict[int, float | None]] = {}
        for each, value in zip(series, curve.returns[:, place], strict=True):
            by_task.setdefault(_environment(each), {})[each.run.id.seed] = float(value)
        pooled = estimate(run_scores(by_task), interquartile_mean_over_tasks)
        assert pooled is not None
        rows.append([pooled.value, *(np.nan if end is None else end for end in (pooled.low, pooled.high))])
    numbers = np.array(rows, np.float64).reshape(-1, 3)
    return Curve(curve.places[chosen], curve.returns[:, chosen], curve.num_diverged, Band(*numbers.T))


def panel_of(panel: tuple[Any, Any], spec: Spec, series: Series) -> tuple[Any, Any]:
    """The panel of a run, with the network or layer where these make rows or columns."""
    return tuple(series.network.get(name, value) for name, value in zip(spec.facets, panel, strict=True))
