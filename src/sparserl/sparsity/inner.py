"""The inner optimizers by name: plain optax transformations that `SparseOptimizer` wraps."""

import dataclasses
from typing import Literal, get_args

import jax.numpy as jnp
import optax

from sparserl.types import Field, UserError, check_fields

InnerName = Literal["adam", "adamw", "sgd", "rmsprop", "lion", "muon"]


@dataclasses.dataclass(frozen=True)
class InnerOptimizer:
    """Which optax optimizer steps the weights, and how far.

    Gradients are clipped after dead weights have left them, and after the L2 term has joined them (Deviation 34).

    `decoupled_weight_decay` shrinks weights apart from the gradient (AdamW, Lion, Muon). The paper's weight decay is
    another: an L2 term in the loss, and a setting of the experiment.
    """

    name: InnerName = "adam"  # which optax optimizer
    learning_rate: float = 1e-3  # size of a step
    epsilon: float = 1e-7  # added to the root of the second moment (Deviation 11), or a matrix's length (muon)
    momentum: float = 0.0  # sgd and rmsprop only
    decoupled_weight_decay: float = 0.0  # beside the gradient; adamw, lion and muon only
    annealing: Literal["none", "linear"] = "none"  # linear: the learning rate falls to 0 at the end of training
    max_gradient_norm: float | None = None  # longer gradients of a group, all networks together, are cut to this length

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.learning_rate > 0:
            raise UserError("it must be greater than 0", field="learning_rate", value=self.learning_rate)
        if self.max_gradient_norm is not None and not self.max_gradient_norm > 0:
            raise UserError("it must be greater than 0", field="max_gradient_norm", value=self.max_gradient_norm)
        if self.momentum and self.name not in ("sgd", "rmsprop"):
            raise UserError(
                f"{self.name} has none; use sgd or rmsprop, or 0 here",
                field="momentum",
                value=self.momentum,
            )
        if self.decoupled_weight_decay and self.name not in ("adamw", "lion", "muon"):
            raise UserError(
                f"{self.name} has none; use adamw, lion or muon, or ",
                Field("weight_decay", outer=True),
                " (L2 in the loss)",
                field="decoupled_weight_decay",
                value=self.decoupled_weight_decay,
            )

    def build(self, total_updates: int, held_updates: int = 1) -> optax.GradientTransformation:
        """The optax transformation for so many updates; an annealed rate stays for `held_updates` at a time."""
        step = self._step(self._rate(total_updates, held_updates))
        if self.max_gradient_norm is None:
            return step
        return optax.chain(optax.clip_by_global_norm(self.max_gradient_norm), step)

    def _rate(self, total_updates: int, held_updates: int) -> optax.ScalarOrSchedule:
        if self.annealing == "none":
            return self.learning_rate
        held = lambda count: count // held_updates * held_updates
        return lambda count: self.learning_rate * jnp.maximum(1.0 - held(count) / total_updates, 0.0)

    def _step(self, rate: optax.ScalarOrSchedule) -> optax.GradientTransformation:
        decay = self.decoupled_weight_decay
        match self.name:
            case "adam":
                return optax.adam(rate, eps=self.epsilon)
            case "adamw":
                return optax.adamw(rate, eps=self.epsilon, weight_decay=decay)
            case "sgd":
                return optax.sgd(rate, momentum=self.momentum or None)
            case "rmsprop":
                return optax.rmsprop(rate, eps=self.epsilon, eps_in_sqrt=False, momentum=self.momentum or None)
            case "lion":
                return optax.lion(rate, weight_decay=decay)
            case "muon":
                return optax.contrib.muon(rate, eps=self.epsilon, weight_decay=decay)
        raise UserError(field="name", value=self.name, allowed=get_args(InnerName))
