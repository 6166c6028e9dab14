"""Exporting: a run's policy as files, which are verified as they were written before they are where they were asked."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparserl import persistence
from sparserl.deploy import carding
from sparserl.deploy.card import Card, keep
from sparserl.deploy.contract import as_json
from sparserl.deploy.costs import NOTHING, SECONDS, Chosen
from sparserl.deploy.formats import Choices, Format, find_format
from sparserl.deploy.loading import Trained, load_trained
from sparserl.deploy.observations import SeenObservations, observations
from sparserl.deploy.original import Original
from sparserl.deploy.place import output_folder
from sparserl.deploy.playing import Stage, staged
from sparserl.deploy.policy import LIMIT, Policy
from sparserl.deploy.steps import program
from sparserl.deploy.verification import (
    NUM_OBSERVATIONS,
    Mismatch,
    Reference,
    Verified,
    compare,
    measured,
    reference,
)
from sparserl.types import UserError

CONTRACT_FILE = "contract.json"
NUM_EPISODES = 20
MOST_OBSERVATIONS, MOST_EPISODES = 1_000_000, 10_000  # all of them are in memory, and all episodes are played at once
EXACT = Choices()
Say = Callable[[str], None]


class Returns(NamedTuple):
    """Returns of the same episodes, by their starts, played by the original and by what was written."""

    original: np.ndarray
    written: np.ndarray

    def as_json(self) -> dict[str, Any]:
        sides = {name: _spread(returns) for name, returns in self._asdict().items()}
        return {**sides, "num_episodes": len(self.original), "num_equal": int((self.original == self.written).sum())}


class Exported(NamedTuple):
    """What was made: names of files in `folder`, and how they act.

    verified: beside the policy in NumPy, of which `original` says the same beside the network in JAX.
    """

    folder: Path
    format: str
    choices: Choices
    files: tuple[str, ...]
    num_bytes: int
    verified: Verified
    original: Verified
    returns: Returns
    card: Card

    def as_json(self) -> dict[str, Any]:
        latencies = {way.name: way.latency for way in self.card.ways if way.latency is not None}
        return {
            "format": self.format,
            **self.choices._asdict(),
            "directory": str(self.folder),
            "files": list(self.files),
            "bytes": self.num_bytes,
            **self.verified._asdict(),
            "original": self.original._asdict(),
            "returns": self.returns.as_json(),
            "latency_seconds": {
                name: {"p50": latency.p50_seconds, "p99": latency.p99_seconds} for name, latency in latencies.items()
            },
        }


def export(
    run: str | Path,
    format: str,
    output: str | Path,
    choices: Choices = EXACT,
    results: str | Path = "results",
    num_observations: int = NUM_OBSERVATIONS,
    num_episodes: int = NUM_EPISODES,
    say: Say = lambda line: None,
    card_seconds: float = SECONDS,
) -> Exported:
    """Write the policy of a finished run into the new folder `output`, and verify what was written.

    Observations are half recorded and half adversarial; then both policies play `num_episodes` episodes of the real
    environment from the same starts. What an action costs is measured for about `card_seconds`, 0 for not at all, and
    goes onto the card. Raises `UserError` for a request that cannot be met and `Mismatch` where what was
    written does not act as it should; nothing is left then.
    """
    for name, count, most in (
        ("num_observations", num_observations, MOST_OBSERVATIONS),
        ("num_episodes", num_episodes, MOST_EPISODES),
    ):
        if not 1 <= count <= most:
            raise UserError(f"it must lie in 1 to {most:,}", field=name, value=count)
    if not 0 <= card_seconds < math.inf:
        raise UserError("it must be at least 0", field="card_seconds", value=card_seconds)
    kind, output, run = find_format(format, choices), persistence.at_home(output), persistence.find_run(run, [results])
    kind.require()
    with output_folder(output) as folder:
        trained = load_trained(run)
        kind.check(trained.policy)
        with staged(trained.experiment, num_episodes) as stage:
            seen = observations(trained.policy, stage, num_observations)
            everything = seen.all
            known = reference(trained.policy, everything, say)
            say("comparing the policy with the network that was trained")
            original, of_original = _verified_original(trained, seen, known)
            _write(kind, trained.policy, folder, choices, seen)
            say(f"comparing what was written with the policy, also in {num_episodes:,} episodes")
            verified, returns = _verify(kind, trained.policy, folder, choices, (everything, known), stage, original)
        say("measuring what an action costs")
        facts = carding.Exported(format, choices.weights, folder, verified, returns._asdict())
        card = _card(kind, trained.policy, choices, facts, seen.recorded, card_seconds)
        files = sorted(file for file in folder.rglob("*") if file.is_file())
        names = tuple(str(file.relative_to(folder)) for file in files)
        num_bytes = sum(file.stat().st_size for file in files)
    keep(run, card)
    return Exported(output, format, choices, names, num_bytes, verified, of_original, returns, card)


def contract_document(policy: Policy) -> dict[str, Any]:
    """The contract of a policy with the steps that it computes."""
    return {**as_json(policy.contract), "steps": program(policy.steps)}


def _write(kind: Format, policy: Policy, folder: Path, choices: Choices, seen: SeenObservations) -> None:
    kind.write(policy, folder, choices, seen.recorded)
    (folder / CONTRACT_FILE).write_text(_contract_text(policy), encoding="utf-8")


def _contract_text(policy: Policy) -> str:
    return json.dumps(contract_document(policy), indent=1, allow_nan=False) + "\n"


def _verified_original(trained: Trained, seen: SeenObservations, known: Reference) -> tuple[Original, Verified]:
    """The trained network, once it is sure that the policy acts alike wherever features are numbers below the limit.

    Raises UserError where features of the environment itself are beyond it.
    """
    policy = trained.policy
    acting = trained.learner.agent.acting(trained.state)  # type: ignore[attr-defined]
    params = trained.state.groups[acting.group].params[acting.name]
    original = Original(acting, params, trained.learner.plan.spec)
    every, limit = seen.all, LIMIT if policy.normalizer is None else math.inf
    if not _within(seen.recorded, limit).all():
        beyond = f"observations of {trained.experiment.environment} lie beyond {LIMIT:g}"
        raise UserError(f"{beyond}, where exported policies cut them: scale them in the environment")
    ordinary = np.flatnonzero(_within(every, limit))
    return original, compare(policy, original, every[ordinary], known.at(ordinary))


def _within(seen: np.ndarray, limit: float) -> np.ndarray:
    """Which observations `[batch, *shape]` are numbers of at most this size; a normalizer cuts by itself."""
    if seen.dtype.kind != "f":
        return np.ones(len(seen), bool)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(seen) <= limit).reshape(len(seen), -1).all(1))


def _verify(
    kind: Format,
    policy: Policy,
    folder: Path,
    choices: Choices,
    seen: tuple[np.ndarray, Reference],
    stage: Stage,
    original: Original,
) -> tuple[Verified, Returns]:
    """Raises Mismatch unless what is in the folder acts as it should; that is told beside the policy itself.

    seen: observations with what the policy gives for them.
    """
    if (folder / CONTRACT_FILE).read_text(encoding="utf-8") != _contract_text(policy):
        raise Mismatch(f"{CONTRACT_FILE} has changed since it was written")
    approximate, (observations, known) = kind.approximate(policy, choices), seen
    exact = approximate is policy
    wanted = known if exact else reference(approximate, observations)
    with kind.opened(policy, folder, choices) as written:
        verified = compare(approximate, written, observations, wanted)
        for other in kind.others(policy, folder):
            compare(approximate, other, observations, wanted)
        if not exact:
            verified = measured(policy, written, observations, known)
        return verified, Returns(stage.returns_of(original), stage.returns(written.act))


def _card(
    kind: Format, policy: Policy, choices: Choices, facts: carding.Exported, recorded: np.ndarray, seconds: float
) -> Card:
    """What an action costs is measured with observations of the environment, not with adversarial ones."""
    with kind.opened(policy, facts.folder, choices) as written:
        return carding.add_card(policy, facts, written, recorded, Chosen(seconds, True) if seconds else NOTHING)


def _spread(returns: np.ndarray) -> dict[str, float]:
    return {"mean": float(returns.mean()), "standard_deviation": float(returns.std())}
