"""Tracks: the returns of the seeds of a network along one cost, steps or seconds, and what they are at equal cost."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np


class Track(NamedTuple):
    """One network in one environment.

    places: what an evaluation had cost, `[evaluation]`, ascending. returns: `[evaluation]` by seed; None of one that
    has diverged.
    """

    places: np.ndarray
    returns: Mapping[int, np.ndarray | None]

    @property
    def num_diverged(self) -> int:
        return sum(returns is None for returns in self.returns.values())

    @property
    def by_seed(self) -> np.ndarray:
        """The returns of those that have not diverged, `[seed, evaluation]`."""
        known = [returns for returns in self.returns.values() if returns is not None]
        return np.array(known, np.float64).reshape(len(known), len(self.places))

    def at(self, place: float) -> dict[int, float | None]:
        """The return of each seed at a cost, on the line between the evaluations before and after it.

        None of a seed that has diverged, and of all where the track ends before.
        """
        reached = self.places[0] <= place <= self.places[-1] * (1 + 1e-9)
        value = lambda returns: float(np.interp(place, self.places, returns))
        return {
            seed: value(returns) if reached and returns is not None else None for seed, returns in self.returns.items()
        }

    def last(self, number: int) -> dict[int, float | None]:
        """The mean over the last evaluations of each seed; None of a seed that has diverged."""
        mean = lambda returns: float(np.mean(returns[-number:]))
        return {seed: None if returns is None else mean(returns) for seed, returns in self.returns.items()}


Tracks = Mapping[str, Mapping[str, Track]]  # by environment and network, both in the order in which they are shown


def common_seeds(tracks: Tracks) -> dict[str, set[int]]:
    """The seeds that all networks of an environment have, by environment: equal ones are compared in pairs."""
    return {
        environment: set.intersection(*(set(track.returns) for track in each.values())) if each else set()
        for environment, each in tracks.items()
    }


def of_seeds(tracks: Tracks, seeds: Mapping[str, set[int]]) -> dict[str, dict[str, Track]]:
    """The same tracks of some seeds alone; environments that have none are left out."""
    return {
        environment: {
            name: track._replace(returns={seed: track.returns[seed] for seed in sorted(seeds[environment])})
            for name, track in each.items()
        }
        for environment, each in tracks.items()
        if seeds[environment]
    }
