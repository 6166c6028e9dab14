"""What a finished run keeps of its agent, and the way back from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import persistence
from sparserl.experiment.building import Built, build
from sparserl.experiment.choices import Experiment
from sparserl.sparsity import SparseOptimizer
from sparserl.types import AgentState, Group, UserError


def policy_arrays(state: AgentState) -> dict[str, np.ndarray]:
    """What a finished run keeps, by path: the groups under their names, and all else that is not replay."""
    leaves = jax.tree_util.tree_leaves_with_path(_kept(state))
    return {jax.tree_util.keystr(path, simple=True, separator="/"): np.asarray(leaf) for path, leaf in leaves}


def _kept(state: AgentState) -> dict[str, Any]:
    """Parameters, targets, topologies, optimizers' states, and the agent's own fields, as what it normalises with."""
    others = {name: value for name, value in state._asdict().items() if name not in ("groups", "replay")}
    return {**state.groups, **others}


def rebuild(run_folder: Path) -> tuple[Experiment, Built, AgentState]:
    """The experiment of a stored run, what it stands for, and its trained state (no replay)."""
    document = persistence.read_experiment(run_folder.parent)
    experiment = Experiment.from_choices(document["choices"])
    arrays, _ = persistence.read_bundle(run_folder / "checkpoint")
    built = build(experiment)
    template = as_stored(built, arrays)
    groups = template.groups
    kept = _kept(template)
    paths, structure = jax.tree_util.tree_flatten_with_path(kept)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in paths]
    if set(names) != set(arrays):
        raise UserError(
            f"{run_folder}/checkpoint does not hold the arrays of {experiment.identifier}: it is from another version"
        )
    kept = jax.tree_util.tree_unflatten(structure, [jnp.asarray(arrays[name]) for name in names])
    groups = {name: kept.pop(name) for name in groups}
    return experiment, built, template._replace(groups=groups, replay=None, **kept)


def as_stored(built: Built, arrays: Mapping[str, np.ndarray]) -> AgentState:
    """Shapes of an agent's state whose groups are laid out as those that `arrays`, by group and path, were."""
    template = jax.eval_shape(built.agent.init, jax.random.key(0))
    groups = {name: _as_stored(built.optimizers[name], name, group, arrays) for name, group in template.groups.items()}
    return template._replace(groups=groups)


def _as_stored(optimizer: SparseOptimizer, name: str, group: Group, arrays: Mapping[str, np.ndarray]) -> Group:
    """Shapes of a group, compressed as it was when it was stored: pruning compresses on its way."""
    values = {layer: f"{name}/params/{layer}/kernel/values" for layer in optimizer.break_even}
    capacities = {layer: len(arrays[path]) for layer, path in values.items() if path in arrays}
    laid_out: Group = jax.eval_shape(lambda group: optimizer.laid_out(group, capacities), group)
    return laid_out
