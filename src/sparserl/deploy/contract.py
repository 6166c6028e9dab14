"""The contract of an export: all that whoever feeds a policy has to know, as plain data."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

VERSION = 1  # of the contract's form; raised when a key changes its meaning

NOT_FINITE = (
    "After normalization a feature that is not a number counts as 0, and features are cut at +- limit, so that no "
    "observation, infinite ones included, leads to an action that is not finite or not allowed."
)
ORDER = "row-major: the last axis is the fastest"
DECISIONS: Mapping[str, str] = {
    "greatest": "greedy: the index of the greatest output, the first of equal ones; no random actions (epsilon is 0)",
    "tanh": "low + (high - low) / 2 * (tanh(output) + 1), cut at low and high; no noise is added",
    "mean": "the output itself, cut at low and high; no noise is added",
}


class Feature(NamedTuple):
    """One number of an observation or action, by its place in the flattened array, from 0."""

    place: int
    name: str
    unit: str | None = None


class Observations(NamedTuple):
    """What a policy takes: `shape` without the batch, `dtype` "float32", "uint8" (pixels) or "bool".

    low, high: bounds that the environment states, flattened; None where it states none. features: None where nobody
    has written down what each number means; `meaning` says where that can be looked up. divisor: what each number is
    divided by before all else. mean, scale: of the normalizer, flattened; None: there is none. limit: where features
    are cut after that. stacked_frames: how many the last axis holds, oldest first, zeros before an episode's first.
    """

    shape: tuple[int, ...]
    dtype: Literal["float32", "uint8", "bool"] = "float32"
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None
    features: tuple[Feature, ...] | None = None
    meaning: str | None = None
    divisor: float = 1.0
    mean: Sequence[float] | None = None
    scale: Sequence[float] | None = None
    limit: float = 1e9
    stacked_frames: int = 1
    order: str = ORDER
    not_finite: str = NOT_FINITE


class Actions(NamedTuple):
    """What a policy answers. Discrete: an integer from 0 to `num_actions` - 1, without axes, that the environment
    itself counts from `first_action` on. Continuous: float32 of `shape` between `low` and `high`, flattened; where the
    environment has no bound they are None.
    """

    kind: Literal["discrete", "continuous"]
    decision: Literal["greatest", "tanh", "mean"]
    num_actions: int | None = None
    first_action: int = 0
    shape: tuple[int, ...] = ()
    low: Sequence[float | None] | None = None
    high: Sequence[float | None] | None = None
    names: tuple[Feature, ...] | None = None
    meaning: str | None = None

    @property
    def dtype(self) -> str:
        return "int32" if self.kind == "discrete" else "float32"


class Timing(NamedTuple):
    """When a policy acts: once every `time_step_seconds` of the environment's time, None where that is not known.

    frame_skip: simulator steps or frames for which an action is held; None: not known.
    """

    environment: str
    time_step_seconds: float | None = None
    frame_skip: int | None = None
    time_limit_steps: int | None = None


class LayerFacts(NamedTuple):
    """One layer of the exported network."""

    name: str
    shape: tuple[int, ...]
    weights: int
    live_weights: int
    activation: str | None


class Contract(NamedTuple):
    """All of it. training: where the policy comes from, plain data that is shown and not computed with."""

    observation: Observations
    action: Actions
    timing: Timing
    layers: tuple[LayerFacts, ...] = ()
    training: Mapping[str, Any] = {}


def as_json(contract: Contract) -> dict[str, Any]:
    """The contract as one JSON object; bounds of observations that are all equal, as those of pixels, as one number."""
    action = {
        **contract.action._asdict(),
        "dtype": contract.action.dtype,
        "how": DECISIONS[contract.action.decision],
        "names": _plain(contract.action.names),
    }
    seen = contract.observation
    bounds = {"low": _brief(seen.low), "high": _brief(seen.high)}
    observation = {**seen._asdict(), **bounds, "features": _plain(seen.features)}
    layers = [layer._asdict() for layer in contract.layers]
    others = {"timing": contract.timing._asdict(), "layers": layers, "training": dict(contract.training)}
    return {"contract_version": VERSION, "observation": observation, "action": action, **others}


def _brief(bounds: Sequence[float | None] | None) -> Sequence[float | None] | float | None:
    return bounds[0] if bounds and len(set(bounds)) == 1 else bounds


def _plain(features: Sequence[Feature] | None) -> list[dict[str, Any]] | None:
    return None if features is None else [feature._asdict() for feature in features]
