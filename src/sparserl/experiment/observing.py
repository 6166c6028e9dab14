"""Observing a run: diagnostics of its networks at evaluations; nothing here changes what is trained."""

import bisect
import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from sparserl import diagnostics, linalg
from sparserl.diagnostics import History, Moments
from sparserl.experiment.building import Built
from sparserl.experiment.plan import Plan
from sparserl.experiment.reports import place
from sparserl.persistence import DIAGNOSTICS_SCHEMA, SIDES
from sparserl.sparsity import kernels, replace_kernels, topology
from sparserl.types import AgentState, Array, Group, Key, Params, Probed, UserError

Looked = tuple[Moments, Mapping[str, Array]]  # moments of the gradients, and activations by hidden layer


@dataclasses.dataclass(frozen=True)
class Observer:
    """Looks into the networks of one run, and knows their topologies so far.

    `steps`, ascending, are where topology updates have just been: the run must stop there and call `after`. Several of
    them between two stops count as one, which happens to agents that take many gradient steps at a stroke.
    """

    plan: Plan
    seed: int
    num_updates: Callable[[int], int]  # gradient updates, of environment steps
    look: Callable[[Key, AgentState], Mapping[str, Looked]]  # by network
    due_updates: list[int]  # of the topology
    steps: list[int]
    histories: Mapping[str, History]  # by network

    def after(self, before_steps: int, num_steps: int, state: AgentState) -> "Observer":
        """The observer that knows this state, too; nothing is new where no topology update was due in between."""
        changes = lambda steps: bisect.bisect_left(self.due_updates, self.num_updates(steps))
        if changes(before_steps) == changes(num_steps):
            return self
        after = lambda name, masks: diagnostics.after_update(self.histories[name], masks)
        histories = {name: after(name, masks) for name, masks in _topologies(state).items()}
        return dataclasses.replace(self, histories=histories)

    def rows(self, num_steps: int, state: AgentState) -> list[dict[str, Any]]:
        """One row of the diagnostics table for each network and layer; before the first update without gradients."""
        dense = state._replace(groups={name: _dense(group) for name, group in state.groups.items()})
        # The third key of the seed, of which `run` splits two.
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(self.seed), 2), num_steps)
        looked = self.look(key, dense) if self.num_updates(num_steps) > 0 else {}
        common = {**dict.fromkeys(DIAGNOSTICS_SCHEMA.names), **place(self.plan, self.seed, num_steps)}
        networks = {name: params for group in dense.groups.values() for name, params in group.params.items()}
        return [
            {**common, "network": name, "layer": layer, **columns}
            for name, params in networks.items()
            for layer, columns in _of_network(params, self.histories[name], looked.get(name)).items()
        ]

    def topology_rows(self, num_steps: int) -> list[dict[str, Any]]:
        """One row of the topology table for each network, layer and side."""
        common = place(self.plan, self.seed, num_steps)
        return [
            {**common, "network": name, "layer": layer, "side": side, **diagnostics.live_per_unit(mask, axis)}
            for name, history in self.histories.items()
            for layer, mask in history.now.items()
            for side, axis in zip(SIDES, (-2, -1), strict=True)
        ]


def observe(
    seed: int,
    built: Built,
    state: AgentState,
    histories: Mapping[str, History] | None = None,
) -> Observer:
    """An observer of one run that begins with `state`, or goes on from it with what it knew by then.

    Raises `UserError` for an agent that cannot be looked into.
    """
    agent = built.agent
    if not isinstance(agent, Probed):
        raise UserError(f"agent {built.plan.experiment.agent_name} has no diagnostics: it has no method `probe`")

    @jax.jit
    def look(key: Key, state: AgentState) -> Mapping[str, Looked]:
        return {
            name: (
                diagnostics.gradient_moments(probe.loss, probe.params, probe.examples),
                OrderedDict(probe.network.hidden(probe.params, probe.inputs)),  # a plain one would come back sorted
            )
            for name, probe in agent.probe(key, state).items()
        }

    windows = [(each.method.window, each.total_updates) for each in built.optimizers.values()]
    due = {update for window, total in windows if window is not None for update in window.due_updates(total)}
    num_updates = built.agent.num_updates
    first_step = lambda done: bisect.bisect_left(range(built.plan.experiment.total_steps), done, key=num_updates)
    steps = sorted({first_step(update + 1) for update in due})
    if histories is None:
        histories = {name: diagnostics.beginning(masks) for name, masks in _topologies(state).items()}
    return Observer(built.plan, seed, num_updates, look, sorted(due), steps, histories)


def _of_network(params: Params, history: History, looked: Looked | None) -> dict[str, dict[str, float | None]]:
    """All columns by layer, the network as a whole last."""
    parts = [diagnostics.of_weights(params), diagnostics.of_topology(history)]
    if looked is not None:
        moments, hidden = looked
        parts += [diagnostics.of_gradients(moments, history.now), diagnostics.of_activations(hidden)]
    return {layer: {k: v for part in parts for k, v in part.get(layer, {}).items()} for layer in parts[0]}


def _topologies(state: AgentState) -> dict[str, dict[str, np.ndarray]]:
    """The masks of every kernel on the host, by network and layer; all True where a kernel cannot be sparse."""
    by_network: dict[str, dict[str, np.ndarray]] = {}
    for group in state.groups.values():
        masks = topology(group)
        for name, kernel in kernels(group.params).items():
            network, _, layer = name.partition("/")
            mask = np.array(masks[name]) if name in masks else np.ones(kernel.shape, bool)
            by_network.setdefault(network, {})[layer] = mask
    return by_network


def _dense(group: Group) -> Group:
    """The group's networks and targets with dense kernels, so that dead weights have gradients too."""
    targets = None if group.target_params is None else _with_dense_kernels(group.target_params)
    return Group(_with_dense_kernels(group.params), targets, None)


def _with_dense_kernels(params: Params) -> Params:
    return replace_kernels(params, {name: linalg.to_dense(kernel) for name, kernel in kernels(params).items()})
