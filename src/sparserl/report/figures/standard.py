"""The figures that any study or directory of runs has, beside those that it stored."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sparserl.persistence import has_noise
from sparserl.report.beside_dense import has_sides
from sparserl.report.figures.flops import has_cost
from sparserl.report.normalization import normalizations

if TYPE_CHECKING:
    from sparserl.report.selection import Selection

_PLAIN = {"x": "", "y": "final_return", "rows": "", "columns": "environment", "lines": "method", "experiments": ()}


def standard_figures(selection: "Selection") -> tuple[Mapping[str, Any], ...]:
    """Learning curves, and returns against seconds and computation; efficiency, profiles, costs and noise where known.

    None has the name of a figure that the selection has already.
    """
    stored = {figure.get("name") for figure in selection.figures}
    return tuple(figure for figure in _figures(selection) if figure["name"] not in stored)


def _figures(selection: "Selection") -> Iterator[Mapping[str, Any]]:
    runs = selection.runs
    sparsities = {run.columns.get("sparsity") for run in runs if run.columns.get("method") != "dense"}
    rows = {"rows": "sparsity" if len(sparsities) > 1 else ""}
    if runs:
        curves = {**_PLAIN, **rows, "kind": "curves", "y": "mean_return"}
        yield {**curves, "name": "learning_curves", "title": "Learning curves", "x": "environment_steps"}
        yield {**curves, "name": "return_by_seconds", "title": "Return by seconds of training", "x": "seconds"}
    if any(run.columns.get("live_macs") for run in runs):
        yield {**curves, "name": "return_by_computation", "title": "Return by computation", "x": "training_macs"}
    if any(run.columns.get("role") == "full-dense" and run.final_return is not None for run in runs):
        title = "Steps until runs do as well as dense networks"
        yield {**_PLAIN, "name": "steps_to_threshold", "title": title, "kind": "threshold"}
    if has_sides(runs):
        title = "Sparse beside dense at equal parameters, FLOPs and seconds"
        yield {**_PLAIN, "name": "equal_cost", "title": title, "kind": "comparison"}
    scales = normalizations(runs)
    if any(scales[run.id.experiment](run.final_return) is not None for run in runs):
        scaled = {**_PLAIN, **rows, "columns": "", "y": "normalized_return"}
        title = "Sample efficiency over environments"
        efficiency = {**scaled, "name": "sample_efficiency", "title": title, "kind": "curves", "x": "environment_steps"}
        yield {**efficiency, "columns": rows["rows"], "rows": ""}
        title = "Performance profiles"
        yield {
            **scaled,
            "name": "performance_profiles",
            "title": title,
            "kind": "profile",
            "columns": rows["rows"],
            "rows": "",
        }
    facts = [*(experiment.facts for experiment in selection.experiments), *(run.columns for run in runs)]
    own = {figure.get("kind") for figure in selection.figures}
    if "flops" not in own and any(has_cost(each) and each["live_macs"] != each["macs"] for each in facts):
        yield {**_PLAIN, "name": "computation", "title": "Computation by sparsity", "kind": "flops"}
    noisy = [run.folder is not None and has_noise(run.folder) for run in runs if run.final_return is not None]
    every = all if selection.scale else any  # some of a study's alone were asked for another
    if "noise" not in own and noisy and every(noisy):
        yield {**_PLAIN, "name": "noise", "title": "Robustness to noise on observations", "kind": "noise"}
