"""Costs: what one action of a policy takes, as it was written in C and beside other ways to run it, on this machine."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from sparserl.deploy import builds, instructions, latency, memory
from sparserl.deploy.builds import BUILDS, Build
from sparserl.deploy.c.compiled import compiler
from sparserl.deploy.c.writing import PREFIX
from sparserl.deploy.card import Way
from sparserl.deploy.latency import Calls
from sparserl.deploy.peers import Act, peers
from sparserl.deploy.place import scratch_folder
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Convolution, Dense, Step
from sparserl.types import UserError

T = TypeVar("T")
WriteC = Callable[[Policy, Path], Path]  # writes a policy into a folder that exists, and returns its source

WITHOUT_TEST = f"-D{PREFIX.upper()}_NO_SELF_TEST"
SECONDS = 1.0


class Chosen(NamedTuple):
    """What to measure: seconds of latency in all, 0 for none; whether to count instructions."""

    seconds: float
    instructions: bool


DEFAULT, NOTHING = Chosen(SECONDS, True), Chosen(0.0, False)


class Costs(NamedTuple):
    """Ways to run a policy, and one line for each number that could not be had, saying why."""

    ways: tuple[Way, ...]
    notes: tuple[str, ...]


def of_c(policy: Policy, observations: np.ndarray, write: WriteC, chosen: Chosen = DEFAULT) -> Costs:
    """The costs of a policy as `write` writes it, of its dense twin written and built alike, and of other libraries.

    Bytes are those of the policy alone, without the self-test and its golden vectors.
    """
    ways, calls, notes = list[Way](), dict[str, Calls](), list[str]()
    with scratch_folder() as scratch:
        for before, kind, each in (("", "exported", policy), ("dense ", "dense", dense_twin(policy))):
            folder = scratch / kind
            folder.mkdir()
            source = write(each, folder)
            for build in BUILDS:
                way = Way(f"{before}C, {build.name}", "exported" if kind == "exported" else "dense")
                built = functools.partial(builds.built, each, source, build.flags, folder / build.name)
                if (harness := _unless(notes, way.name, built)) is not None:
                    calls[way.name] = harness.timed(observations)
                    ways.append(_counted(way, each, source, build, observations, chosen, notes))
        if not chosen.seconds:
            return Costs(tuple(ways), tuple(dict.fromkeys(notes)))
        others = peers(policy)
        calls |= {name: latency.in_python(act, observations) for name, act in others.acts.items()}
        ways += [Way(name, "library") for name in others.acts]
        measured = latency.measure(calls, chosen.seconds)
    timed = tuple(way._replace(latency=measured[way.name]) for way in ways)
    return Costs(timed, tuple(dict.fromkeys([*notes, *others.notes])))


def of_calls(acts: Mapping[str, Act], observations: np.ndarray, seconds: float = SECONDS) -> Costs:
    """The latency of functions of one observation in Python, by name; the first is what was exported."""
    measured = latency.measure({name: latency.in_python(act, observations) for name, act in acts.items()}, seconds)
    ways = [Way(name, "library", latency=measured[name]) for name in acts]
    return Costs((ways[0]._replace(kind="exported"), *ways[1:]), ())


def dense_twin(policy: Policy) -> Policy:
    """A policy of the same layers with every weight alive: where the run kept none there are random ones, because zeros
    would be left out again. Its costs are those of a dense network; its actions mean nothing.
    """
    random = np.random.default_rng(0)
    return policy._replace(steps=tuple(_filled(step, random) for step in policy.steps))


def _filled(step: Step, random: np.random.Generator) -> Step:
    if not isinstance(step, Dense | Convolution):
        return step
    kernel, drawn = step.kernel, random.uniform(0.01, 0.1, step.kernel.shape).astype(np.float32)
    return step._replace(kernel=np.where(kernel == 0, drawn, kernel), live=np.ones(kernel.shape, bool))


def _counted(
    way: Way, policy: Policy, source: Path, build: Build, observations: np.ndarray, chosen: Chosen, notes: list[str]
) -> Way:
    """A way with its bytes and instructions; a note for what cannot be counted."""
    folder = source.parent / build.name
    command = [*compiler(), *build.flags, WITHOUT_TEST]
    way = way._replace(memory=_unless(notes, "bytes", lambda: memory.memory_of(command, source, folder)))
    if not chosen.instructions:
        return way

    def count() -> float:
        harness = builds.built(policy, source, build.flags_for_counting, folder / "counting")
        return instructions.an_action(harness.command(observations))

    if build.flags_for_counting != build.flags:
        notes.append(f"instructions of {build.name} builds are those of AVX2, as valgrind knows none of AVX-512")
    return way._replace(instructions=_unless(notes, "instructions", count))


def _unless(notes: list[str], what: str, count: Callable[[], T]) -> T | None:
    try:
        return count()
    except (UserError, OSError) as error:
        notes.append(f"{what}: not measured, because {error}")
        return None
