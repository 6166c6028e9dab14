"""The paper's claims, and which of them the runs of a selection can be asked about.

Claims 1 to 12 are those of Graesser et al. 2022, "The State of Sparse Training in Deep Reinforcement Learning",
sections 4 to 8 and appendices B to E; the rule by which runs decide is ours, and is said with each.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sparserl.report.claims import (
    distributions,
    environments,
    equal_parameters,
    how_sparse,
    networks,
    noise,
    regularization,
    shares,
    signal_to_noise,
    stability,
    updates,
)
from sparserl.report.claims.findings import Finding, Part
from sparserl.report.claims.groups import Group, Rows, by_network, group_of, groups
from sparserl.report.normalization import Normalization, normalizations
from sparserl.report.runs import Run
from sparserl.report.selection import Selection


class Claim(NamedTuple):
    """A claim, or what one figure shows of it."""

    number: int
    text: str
    needs: str
    parts: Callable[[Group], Iterator[Part]] | None  # None: it is about what networks compute, trained or not
    agents: tuple[str, ...] = ()  # those that it is about; none: all
    joins: tuple[str, ...] = ()  # columns over which runs are put together: network_kind, and agent


CLAIMS = (
    Claim(1, equal_parameters.CLAIM, equal_parameters.NEEDS, equal_parameters.parts),
    Claim(2, how_sparse.WITHOUT_LOSS, how_sparse.WITHOUT_LOSS_NEEDS, how_sparse.without_loss, ("sac", "dqn")),
    Claim(2, how_sparse.BEYOND, how_sparse.BEYOND_NEEDS, how_sparse.beyond, ("sac", "dqn")),
    Claim(3, how_sparse.ALIKE, how_sparse.ALIKE_NEEDS, how_sparse.alike),
    Claim(3, how_sparse.AHEAD, how_sparse.AHEAD_NEEDS, how_sparse.ahead),
    Claim(4, environments.CLAIM, environments.NEEDS, environments.parts),
    Claim(5, networks.CLAIM, networks.NEEDS, networks.parts, ("dqn",), ("network_kind",)),
    Claim(6, shares.CLAIM, shares.NEEDS, shares.parts, ("sac",)),
    Claim(7, distributions.CLAIM, distributions.NEEDS, distributions.parts),
    Claim(7, distributions.COSTS, distributions.COSTS_NEEDS, None),
    Claim(8, regularization.DECAY, regularization.DECAY_NEEDS, regularization.decay),
    Claim(8, regularization.INITIALIZATION, regularization.INITIALIZATION_NEEDS, regularization.initialization),
    Claim(9, signal_to_noise.CLAIM, signal_to_noise.NEEDS, signal_to_noise.parts),
    Claim(10, updates.DROP, updates.DROP_NEEDS, updates.drop_fraction),
    Claim(10, updates.INTERVAL, updates.INTERVAL_NEEDS, updates.interval),
    Claim(10, updates.BATCH, updates.BATCH_NEEDS, updates.batch_size),
    Claim(11, noise.CLAIM, noise.NEEDS, noise.parts, ("dqn",)),
    Claim(12, stability.CLAIM, stability.NEEDS, stability.parts, ("ppo", "sac"), ("agent", "network_kind")),
)


def every_finding(
    selection: Selection,
    diagnostics: Mapping[str, Rows] | None = None,
    noise_returns: Mapping[str, Mapping[float, float]] | None = None,
) -> tuple[Finding, ...]:
    """What the runs say of all claims, those included for which there are none.

    diagnostics: the rows of `persistence.read_diagnostics` by run, as `str(run.id)` names it. noise_returns: by run,
    the mean return for each deviation of the noise on observations, 0 among them.
    """
    findings = []
    separate = groups(selection.runs, diagnostics or {}, noise_returns or {})
    for claim in CLAIMS:
        if claim.parts is None:
            findings += [
                Finding(claim.number, claim.text, where, selection.scale, claim.needs, tuple(distributions.costs(each)))
                for where, each in by_network(selection).items()
            ]
            continue
        asked = _of_agents(claim, separate)
        if claim.joins:
            asked = _joined(claim, selection.runs, asked)
        for group in asked:
            parts = tuple(claim.parts(group))
            findings.append(Finding(claim.number, claim.text, group.where, selection.scale, claim.needs, parts))
    return tuple(findings)


def claims(
    selection: Selection,
    diagnostics: Mapping[str, Rows] | None = None,
    noise_returns: Mapping[str, Mapping[float, float]] | None = None,
) -> tuple[Finding, ...]:
    """The findings of `every_finding` for which there are runs: those where a statement has numbers."""
    findings = every_finding(selection, diagnostics, noise_returns)
    return tuple(each for each in findings if any(part.estimate is not None or part.detail for part in each.parts))


def _of_agents(claim: Claim, separate: Sequence[Group]) -> list[Group]:
    return [group for group in separate if not claim.agents or group.runs[0].columns["agent"] in claim.agents]


def _joined(claim: Claim, runs: Sequence[Run], separate: Sequence[Group]) -> list[Group]:
    """The runs of several groups as one, which has runs of one results version and preset, and of one length."""
    alike: dict[tuple[Any, ...], list[Group]] = {}
    for group in separate:
        columns = group.runs[0].columns
        length = None if "agent" in claim.joins else columns.get("total_steps")
        alike.setdefault((columns.get("results_version"), columns.get("preset"), length), []).append(group)
    normal = normalizations(runs)
    kind = lambda group: tuple(group.runs[0].columns.get(name) for name in claim.joins)
    return [_together(each, normal) for each in alike.values() if len(set(map(kind, each))) > 1]


def _together(joined: Sequence[Group], normal: Mapping[str, Normalization]) -> Group:
    every = {run.id: run for group in joined for run in group.runs}  # dense ones may be in several
    names = dict.fromkeys(str(group.runs[0].columns["agent"]).upper() for group in joined)
    first = joined[0]
    return group_of(" and ".join(names), list(every.values()), first.among, normal, first.diagnostics, first.noise)
