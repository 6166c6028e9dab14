"""Specs: what a stored figure is to show, and what its columns may be."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sparserl.persistence import DIAGNOSTICS, FACTS, UserError
from sparserl.report.figures.words import printable

MEASURES = tuple(name for name in DIAGNOSTICS.schema.names if name in DIAGNOSTICS.nullable)
RETURNS = ("final_return", "mean_return", "normalized_return", "human_normalized_return")
ALONG = ("environment_steps", "num_updates", "seconds", "training_macs")  # of curves
OF_NETWORKS = ("network", "layer")
NORMALIZED = ("normalized_return", "human_normalized_return")
SIZES = ("live_parameters", "parameters", "live_macs", "macs")
LOGARITHMIC = ("training_macs",)  # of what is along curves
_IDENTITY = ("agent", "method", "environment", "sparsity")
DENSE_LACKS = ("distribution", "dense_last_layer", "layer_sparsities", "rebudget", "sparsity_aware_initialization")
"""Choices without a meaning for dense networks, beside those of a method."""


class Spec(NamedTuple):
    """A figure as study.json has it; `experiments` are identifiers of those it shows, none: all of the selection."""

    name: str
    title: str
    kind: str
    x: str = ""
    y: str = "final_return"
    rows: str = ""
    columns: str = "environment"
    lines: str = "method"
    experiments: tuple[str, ...] = ()

    @property
    def facets(self) -> tuple[str, str]:
        """What makes rows and columns of panels; empty: one."""
        return self.rows, self.columns


def spec_of(stored: Mapping[str, Any]) -> Spec:
    """A spec from what is stored. Raises UserError naming a part that is missing or of the wrong type."""
    words = {}
    for field in Spec._fields[:-1]:
        value = stored.get(field, Spec._field_defaults.get(field))
        if not isinstance(value, str):
            raise UserError(f"a figure's {field} must be text, not {value!r}")
        words[field] = value
    experiments = stored.get("experiments") or ()
    if isinstance(experiments, str) or not isinstance(experiments, Iterable):
        raise UserError(f"the experiments of figure {words['name']} must be a list of identifiers")
    return Spec(**words, experiments=tuple(map(str, experiments)))


def check_axes(spec: Spec, runs: Iterable[Any]) -> None:
    """Raises UserError for a column that no run has, with the nearest that there is."""
    there = dict.fromkeys(name for run in runs for name in run.columns)
    names = [*dict.fromkeys([*_IDENTITY, *FACTS, *there])]
    along = ALONG if spec.kind == "curves" else ()  # what changes during a run is no place for its end
    others = {"x": [*names, *along, "observation_noise"], "y": [*RETURNS, *MEASURES]}
    facets = [*names, *(OF_NETWORKS if spec.y in MEASURES else ())]
    for axis in ("x", "y", "rows", "columns", "lines") if spec.x else ("y", "rows", "columns", "lines"):
        name, known = getattr(spec, axis), others.get(axis, facets)
        if (name or axis in others) and name not in known:
            raise UserError(
                f"figure {printable(spec.name)}, {axis}: no column {printable(name)!r}", names=known, value=name
            )


def is_without_meaning_for_dense(column: str) -> bool:
    """Whether dense networks do not have this choice, whatever is stored for them."""
    return column in DENSE_LACKS or column.startswith("method.")
