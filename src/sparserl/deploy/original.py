"""The original: the trained network as JAX computes it, which everything else is compared with."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl.types import Acting, Array, Box, EnvSpec, Key, Params

_NUMBERS = 2**22  # of observations in one call


@dataclasses.dataclass(frozen=True, eq=False)
class Original:
    """An agent's network with its decision, without random actions; `exploit` is for episodes in JAX."""

    acting: Acting
    params: Params
    spec: EnvSpec

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """Outputs `[batch, output]` of observations `[batch, *shape]`, those left out that only exploration needs."""
        return self.answers(observations)[0]

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions `[batch]`, or `[batch, *action]`."""
        return self.answers(observations)[1]

    def answers(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both, in calls that need little memory each, of equal size, so that one program does."""
        size = min(max(_NUMBERS // int(np.prod(observations.shape[1:])), 1), len(observations))
        missing = -len(observations) % size
        padded = np.concatenate([observations, observations[:missing]])
        made = [self._answers(self.params, part) for part in np.split(padded, len(padded) // size)]
        outputs, actions = (np.concatenate(each)[: len(observations)] for each in zip(*made, strict=True))
        return outputs, actions

    def exploit(self, key: Key, state: Params, observation: Array) -> Array:
        """Actions of observations `[env, *shape]`; the state is the network's parameters."""
        return self.decided(self._outputs_of(state, observation))

    def decided(self, outputs: Array) -> Array:
        """Actions of outputs `[batch, output]`."""
        if not isinstance(self.spec.action, Box):
            return outputs.argmax(-1).astype(jnp.int32)
        shape = (outputs.shape[0], *self.spec.action.shape)
        low, high = (jnp.broadcast_to(bound, shape) for bound in (self.spec.action.low, self.spec.action.high))
        x = outputs.reshape(shape)
        if self.acting.decision == "tanh":
            x = low + (jnp.tanh(x) + 1.0) * (0.5 * (high - low))
        return jnp.clip(x, low, high)

    def _outputs_of(self, params: Params, observation: Array) -> Array:
        if (normalizer := self.acting.normalizer) is not None:
            centred = observation - jnp.expand_dims(normalizer.mean, 0)
            limit = normalizer.limit
            observation = jnp.clip(centred / jnp.expand_dims(normalizer.scale, 0), -limit, limit)
        return self.acting.network.apply(params, observation)[:, : self._num_outputs]

    @property
    def _num_outputs(self) -> int:
        action = self.spec.action
        return int(np.prod(action.shape)) if isinstance(action, Box) else action.num_actions

    @functools.cached_property
    def _answers(self) -> Any:
        """Both in one program, in float32 also where a GPU would take fewer bits."""

        def answers(params: Params, observation: Array) -> tuple[Array, Array]:
            with jax.default_matmul_precision("highest"):
                outputs = self._outputs_of(params, observation)
            return outputs, self.decided(outputs)

        return jax.jit(answers)
