"""Makes the card of an export that was verified: counts and measures what it says."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.stats

from sparserl import persistence
from sparserl.deploy import costs
from sparserl.deploy.c import writing
from sparserl.deploy.card import Card, network_of, write
from sparserl.deploy.card_text import markdown
from sparserl.deploy.costs import NOTHING, Chosen, Costs
from sparserl.deploy.peers import peers
from sparserl.deploy.policy import Policy
from sparserl.deploy.verification import Verified, Written

NUM_OBSERVATIONS = 32  # that take turns; the calls that instructions are counted of are a multiple
CONFIDENCE = 0.95


class Exported(NamedTuple):
    """An export in `folder`, which was verified. returns: of episodes `[episode]`, by who played them."""

    format: str
    weights: str
    folder: Path
    verified: Verified
    returns: Mapping[str, np.ndarray]


def add_card(
    policy: Policy, exported: Exported, written: Written, recorded: np.ndarray, chosen: Chosen = costs.DEFAULT
) -> Card:
    """The card of an export, written into its folder, too.

    written: the files, opened again. recorded: observations `[number, *shape]` of the environment, some of which are
    what is computed with while it is measured.
    """
    at = np.linspace(0, len(recorded) - 1, NUM_OBSERVATIONS).astype(int)
    measured = _costs(policy, exported, written, recorded[at], chosen)
    card = Card(
        exported.format,
        exported.weights,
        network_of(policy),
        {file.name: file.stat().st_size for file in sorted(exported.folder.iterdir()) if file.is_file()},
        dict(policy.contract.training),
        exported.verified._asdict(),
        {player: estimate(returns) for player, returns in exported.returns.items()},
        persistence.machine_description(),
        measured.ways,
        measured.notes,
    )
    write(exported.folder, card, markdown(card))
    return card


def estimate(returns: np.ndarray) -> dict[str, Any]:
    """The mean return of a policy with its interval over episodes (Student's t); no interval for a single episode."""
    count, mean = len(returns), float(np.mean(returns))
    if count < 2:
        return {"mean": mean, "low": None, "high": None, "num_episodes": count}
    half = float(scipy.stats.t.ppf(0.5 + CONFIDENCE / 2, count - 1) * np.std(returns, ddof=1) / np.sqrt(count))
    return {"mean": mean, "low": mean - half, "high": mean + half, "num_episodes": count}


def _costs(policy: Policy, exported: Exported, written: Written, seen: np.ndarray, chosen: Chosen) -> Costs:
    if chosen == NOTHING:
        return Costs((), ("what an action costs was not measured, as was asked for",))
    if exported.format == "c":
        return costs.of_c(policy, seen, functools.partial(_write_c, weights=exported.weights), chosen)
    notes = ("sparse file, dense memory: what runs these files makes the weights dense when it loads them",)
    if exported.format != "onnx" or not chosen.seconds:
        return Costs((), notes)
    others = peers(policy)
    acts = {"onnxruntime, these files": lambda observation: written.act(observation[None])}
    acts |= {f"{name}, dense": act for name, act in others.acts.items()}
    measured = costs.of_calls(acts, seen, chosen.seconds)
    return Costs(measured.ways, (*notes, *others.notes))


def _write_c(policy: Policy, folder: Path, weights: Any) -> Path:
    writing.write(policy, folder, weights)
    return folder / f"{writing.PREFIX}.c"
