"""How far two computations of the same network in float32 may differ, because they add up in other orders.

Two answers: `Bounding` has a bound that no order exceeds, which grows with every layer as if all roundings conspired;
`likely` measures what this network's roundings come to when they do not.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from sparserl.deploy.batches import mapped, parts
from sparserl.deploy.computing import after_one, computed
from sparserl.deploy.steps import (
    AddRemembered,
    Convolution,
    Dense,
    Flatten,
    MaxPool,
    Relu,
    Remember,
    Step,
    Weighted,
    weighted,
)

UNIT = 2.0**-24  # what rounding to float32 may change, as a share of the number
SMALLEST = 2.0**-126  # below it processors may round to 0
INPUT = 8 * UNIT  # of prepared features: a difference, a quotient, and either as a fused product, on both sides
OF_TANH = 16 * UNIT  # what two implementations of tanh may differ by
EXTRA = 4  # roundings of a sum besides one for each product: its bias, and the scale of 8-bit weights on both sides
LARGEST = 1e30  # of a bound, so that it stays a number

LIKELY = 32.0  # times what random roundings come to: those of JAX, onnxruntime and C stay below a fiftieth of it
DRAWS = 3


class Bounded(NamedTuple):
    """Outputs, what another computation's may differ by from them, and what each adds up without signs in the last
    layer; all `[batch, output]`.
    """

    outputs: np.ndarray
    bounds: np.ndarray
    sizes: np.ndarray


class Likely(NamedTuple):
    """Which parts of sizes and bounds outputs may differ by together, where roundings are as random as they are."""

    of_sizes: float
    of_bounds: float

    def limits(self, given: Bounded) -> np.ndarray:
        """What outputs may differ by, `[batch, output]`."""
        likely = self.of_sizes * given.sizes.astype(np.float64) + self.of_bounds * given.bounds.astype(np.float64)
        return np.minimum(likely, given.bounds)


class Majorant(NamedTuple):
    """What a layer's bound is computed from: weights without signs, those of a convolution added up over its window."""

    weights: np.ndarray
    biases: np.ndarray
    num_summed: int  # the most roundings that a number goes through in its sum

    @property
    def g(self) -> float:
        """What a product in a sum may be off by, as a share of it."""
        return self.num_summed * UNIT / (1 - self.num_summed * UNIT)


class Bounding(NamedTuple):
    """A network with the majorants of its layers, by their names, for a running error bound (Higham, Accuracy and
    Stability of Numerical Algorithms, sections 3.1 and 3.3).

    A sum of n products, in whichever order, blocks or fused operations it is added up, is the exact one of products
    that are each off by a factor of at most 1 + g, g = nu / (1 - nu); zeros add nothing. So where inputs differ by e,
    two such sums of weights W differ by no more than |W| ((1 + g) e + 2 g |x|): the first is off by g |W| |x|, the
    second by g |W| (|x| + e), and the exact ones are |W| e apart. ReLU, tanh and the largest of several make no
    difference larger. Of images e and |x| are the largest of each channel, so that the bound of a convolution is one
    small product.
    """

    steps: tuple[Step, ...]
    majorants: Mapping[str, Majorant]

    def of(self, x: np.ndarray, error: np.ndarray) -> Bounded:
        """The outputs of prepared observations `[batch, ...]` with their bounds.

        error: what the observations may differ by themselves, in units of INPUT.
        """
        error = np.float32(INPUT) * error
        if x.ndim == 4 and not isinstance(self.steps[0], Flatten):
            error = error.max((1, 2))
        remembered = list[tuple[np.ndarray, np.ndarray]]()
        *_, last = self.steps
        assert isinstance(last, Dense)
        for step in self.steps:
            if step is last:
                sizes = np.abs(x) @ self.majorants[last.name].weights + self.majorants[last.name].biases
            if isinstance(step, Remember):
                remembered.append((x, error))
            elif isinstance(step, AddRemembered):
                other, of_other = remembered.pop()
                error = (error + of_other) * np.float32(1 + UNIT) + 2 * np.float32(UNIT) * (_sizes(x) + _sizes(other))
                x = x + other
            else:
                error = self._passed_on(step, x, error)
                x = after_one(step, x)
        return Bounded(x, error, sizes)

    def _passed_on(self, step: Weighted | MaxPool | Relu | Flatten, x: np.ndarray, error: np.ndarray) -> np.ndarray:
        """The error behind a step of what is `x` with `error` before it."""
        if isinstance(step, Flatten):
            places = x.shape[1] * x.shape[2] if error.ndim < x.ndim else 1  # of images, which share errors by channel
            return np.tile(error.reshape(len(x), -1), places)
        if isinstance(step, MaxPool | Relu):
            return error
        weights, biases, num_summed = self.majorants[step.name]
        g = self.majorants[step.name].g
        sizes = np.float32(1 + g) * error + np.float32(2 * g) * _sizes(x)
        passed = sizes @ weights + np.float32(2 * g) * biases + np.float32(num_summed * SMALLEST)
        passed = passed * np.float32(1 + 2 * g) + np.float32(OF_TANH if step.activation == "tanh" else 0.0)
        return np.minimum(passed, np.float32(LARGEST))


def bounding(steps: Sequence[Step]) -> Bounding:
    """A network ready for bounds."""
    return Bounding(tuple(steps), {step.name: _majorant(step) for step in weighted(steps)})


def likely(steps: Sequence[Step], x: np.ndarray, error: np.ndarray, given: Bounded) -> Likely:
    """What roundings come to, tried with prepared observations. `x` and `error` are as above, `given` their bounds.

    A float32 computation is an exact one of other weights, which are off by about u times the square root of n, with
    either sign, for sums of n products (Higham and Mary 2019, "A new approach to probabilistic rounding error
    analysis"). So the outputs are compared with those of weights that are changed so, in float64, and LIKELY times the
    largest difference is allowed, as a share of the output's size; of its bound, too, for outputs that are small
    because what came before them was.
    """
    random, scale = np.random.default_rng(0), _median(given.sizes) / max(_median(given.bounds), SMALLEST)
    together, largest = given.sizes + scale * given.bounds.astype(np.float64), 0.0
    for _ in range(DRAWS):
        changed = [_changed(step, random) if isinstance(step, Dense | Convolution) else step for step in steps]
        moved = x + INPUT * error * random.choice((-1.0, 1.0), x.shape)
        exact = np.concatenate(list(mapped(functools.partial(computed, changed), parts(moved))))
        largest = max(largest, float((np.abs(given.outputs - exact) / np.maximum(together, SMALLEST)).max(initial=0.0)))
    return Likely(LIKELY * largest, LIKELY * largest * scale)


def _median(numbers: np.ndarray) -> float:
    return float(np.median(numbers)) if numbers.size else 0.0


def _majorant(step: Weighted) -> Majorant:
    weights = np.abs(step.kernel) if isinstance(step, Dense) else np.abs(step.kernel).sum((0, 1))
    return Majorant(weights, np.abs(step.bias), _num_summed(step))


def _num_summed(step: Weighted) -> int:
    """The most roundings that a number of a layer goes through in its sum."""
    return int(np.count_nonzero(step.kernel.reshape(-1, step.kernel.shape[-1]), 0).max(initial=0)) + EXTRA


def _sizes(x: np.ndarray) -> np.ndarray:
    """Features without their signs; of images the largest of each channel, `[batch, channel]`."""
    return np.maximum(x.max((1, 2)), -x.min((1, 2))) if x.ndim == 4 else np.abs(x)


def _changed(step: Weighted, random: np.random.Generator) -> Weighted:
    """A layer in float64 whose weights and biases are off as roundings in float32 put them."""
    by = UNIT * np.sqrt(_num_summed(step))
    off = lambda array: array * (1 + by * random.choice((-1.0, 1.0), array.shape))
    return step._replace(kernel=off(step.kernel), bias=off(step.bias))
