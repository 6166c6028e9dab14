"""Makes the card of an export that was verified: counts and measures what it says."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparserl import persistence
from sparserl.deploy import costs
from sparserl.deploy.card import Card, network_of, write
from sparserl.deploy.card_text import markdown
from sparserl.deploy.costs import NOTHING, Chosen, Costs
from sparserl.deploy.peers import peers
from sparserl.deploy.policy import Policy
from sparserl.deploy.verification import Verified

Act = Callable[[np.ndarray], Any]  # one observation, one action


class Exported(NamedTuple):
    """An export in `folder`. act: how it answers one observation, where something runs its files, as onnxruntime does.

    returns: of episodes that were played, by who played them: {"mean", "low", "high", "num_episodes"}.
    """

    format: str
    weights: str
    folder: Path
    verified: Verified
    returns: Mapping[str, Any] | None = None
    act: Act | None = None


def add_card(policy: Policy, exported: Exported, observations: np.ndarray, chosen: Chosen = costs.DEFAULT) -> Card:
    """The card of an export, written into its folder, too. observations: `[number, *shape]`, as the policy sees them."""
    found = _costs(policy, exported, observations, chosen)
    card = Card(
        exported.format,
        exported.weights,
        network_of(policy),
        {file.name: file.stat().st_size for file in sorted(exported.folder.iterdir()) if file.is_file()},
        dict(policy.contract.training),
        exported.verified._asdict(),
        exported.returns,
        persistence.machine_description(),
        found.ways,
        found.notes,
    )
    write(exported.folder, card, markdown(card))
    return card


def _costs(policy: Policy, exported: Exported, observations: np.ndarray, chosen: Chosen) -> Costs:
    if chosen == NOTHING:
        return Costs((), ("nothing was measured, as was asked for",))
    if exported.format == "c":
        return costs.of_c(policy, observations, functools.partial(_write_c, weights=exported.weights), chosen)
    notes = (
        f"{exported.format} files hold sparse weights at most; whatever runs them makes the weights dense in memory",
    )
    if exported.act is None or not chosen.seconds:
        return Costs((), notes)
    others = peers(policy)
    acts = {f"{exported.format}, these files": exported.act, **others.acts}
    found = costs.of_calls(acts, observations, chosen.seconds)
    return Costs(found.ways, (*notes, *others.notes))


def _write_c(policy: Policy, folder: Path, weights: Any) -> Path:
    from sparserl.deploy import c

    written: Path = next(
        file for file in c.write(policy, folder, weights) if file.suffix == ".c" and file.stem != "main"
    )
    return written
