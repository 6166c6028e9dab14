"""Groups: the runs that a claim is put to, and those of them that have what it asks for."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.report.cells import FOLLOWS, STORED, swept
from sparserl.report.normalization import Normalization, normalizations
from sparserl.report.runs import Run
from sparserl.report.selection import Selection

Rows = Sequence[Mapping[str, Any]]
NETWORKS = {"cnn": " with a CNN", "resnet": " with a ResNet", "mlp": ""}


class Group(NamedTuple):
    """Runs of one agent and network, of a study or a results directory."""

    where: str
    runs: tuple[Run, ...]
    plain: tuple[Run, ...]  # of networks that no budget was asked for, with the paper's ERK where there are any
    usual: tuple[Run, ...]  # of these, experiments that are alone with their method and sparsity: none was swept
    among: tuple[str, ...]  # choices in which experiments differ that are otherwise alike
    normal: Mapping[str, Normalization]  # by experiment
    diagnostics: Mapping[str, Rows]  # rows of diagnostics by run
    noise: Mapping[str, Mapping[float, float]]  # mean returns by run and deviation of the noise on observations

    def normalized(self, run: Run) -> float | None:
        """The normalized final return; None where there is none."""
        normal = self.normal.get(run.id.experiment)
        return None if normal is None else normal(run.final_return)


def group_of(
    where: str,
    runs: Sequence[Run],
    among: tuple[str, ...],
    normal: Mapping[str, Normalization],
    diagnostics: Mapping[str, Rows],
    noise: Mapping[str, Mapping[float, float]],
) -> Group:
    """Such a group, with what claims ask for most often picked out once."""
    plain = _plain(runs)
    return Group(where, tuple(runs), tuple(plain), tuple(_usual(plain)), among, normal, diagnostics, noise)


def _plain(runs: Sequence[Run]) -> list[Run]:
    plain = [run for run in runs if run.columns.get("budget") is None]
    for name, usual in (("distribution", "erk"), ("dense_last_layer", False)):
        if any(_is_sparse(run) and run.columns.get(name) == usual for run in plain):
            plain = [run for run in plain if not _is_sparse(run) or run.columns.get(name) == usual]
    return plain


def _usual(plain: Sequence[Run]) -> list[Run]:
    named = ("agent", "network_kind", "environment", "method", "role", "sparsity", "distribution", "dense_last_layer")
    keys = [(*(run.columns.get(name) for name in named), str(run.columns.get("matches"))) for run in plain]
    cells: dict[tuple[Any, ...], set[str]] = {}
    for key, run in zip(keys, plain, strict=True):
        cells.setdefault(key, set()).add(run.id.experiment)
    return [run for key, run in zip(keys, plain, strict=True) if len(cells[key]) == 1]


def _is_sparse(run: Run) -> bool:
    return bool(run.columns.get("role") == "sparse")


def groups(
    runs: Sequence[Run], diagnostics: Mapping[str, Rows], noise: Mapping[str, Mapping[float, float]]
) -> list[Group]:
    """The runs by agent and network and, where these differ, by length, results version, preset and storage."""
    among, normal = swept(runs), normalizations(runs)
    gathered: dict[tuple[Any, ...], list[Run]] = {}
    for run in runs:
        length, version, preset = (run.columns.get(name) for name in ("total_steps", "results_version", "preset"))
        named = str(run.columns["agent"]), str(run.columns.get("network_kind") or "")
        gathered.setdefault((*named, length or 0, version or 0, str(preset or "not known")), []).append(run)
    stored = {(*key, kind): own for key in gathered for kind, own in _by_storage(gathered[key]).items()}
    return [
        group_of(_where(key, list(stored)), stored[key], among, normal, diagnostics, noise) for key in sorted(stored)
    ]


def _by_storage(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs by how weights of sparse networks are stored, where some differ in that alone; dense ones are in all."""
    alike: dict[tuple[str, ...], set[str]] = {}
    for run in {run.id.experiment: run for run in runs}.values():
        alike.setdefault(_but_for_storage(run), set()).add(str(run.columns.get("storage")))
    if all(len(kinds) == 1 for kinds in alike.values()):
        return {"": list(runs)}
    kinds = sorted({str(run.columns.get("storage")) for run in runs if _is_sparse(run)})
    return {
        kind: [run for run in runs if not _is_sparse(run) or str(run.columns.get("storage")) == kind] for kind in kinds
    }


def _but_for_storage(run: Run) -> tuple[str, ...]:
    """All that an experiment is, but for how its weights are stored."""
    names = sorted(name for name in run.columns if name not in (*FOLLOWS, *STORED))
    return tuple(f"{name}={run.columns[name]}" for name in names)


def by_network(selection: Selection) -> dict[str, list[Mapping[str, Any]]]:
    """The columns of experiments by agent and network: those of the study, or of the runs where there is none."""
    gathered: dict[str, list[Mapping[str, Any]]] = {}
    for each in selection.columns.values():
        gathered.setdefault(_of_whom(str(each["agent"]), str(each.get("network_kind") or "")), []).append(each)
    return gathered


def _where(key: tuple[Any, ...], every: Sequence[tuple[Any, ...]]) -> str:
    """`DQN with a CNN`, and what tells it from others of that name."""
    agent, network, length, version, preset, storage = key
    alike = [other for other in every if other[:2] == key[:2]]
    told = (f"{length:,} steps", f"results version {version}", f"preset {preset}", f"{storage} storage")
    several = [words for i, words in enumerate(told, 2) if key[i] != "" and len({other[i] for other in alike}) > 1]
    return ", ".join([_of_whom(agent, network), *several])


def _of_whom(agent: str, network: str) -> str:
    return agent.upper() + NETWORKS.get(network, f" with {network}" if network else "")


def chosen(runs: Iterable[Run], **columns: Any) -> list[Run]:
    """The runs whose columns have these values, or one of them where a tuple is given, or pass a test."""
    return [run for run in runs if all(_passes(run.columns.get(name), wanted) for name, wanted in columns.items())]


def _passes(value: Any, wanted: Any) -> bool:
    if callable(wanted):
        return value is not None and bool(wanted(value))
    return value in wanted if isinstance(wanted, tuple) else bool(value == wanted)


def is_told(_: Any) -> bool:
    """For `chosen`: any value but None, which a choice has where it is not known or where there is none."""
    return True
