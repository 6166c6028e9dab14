"""What a finished run keeps of its agent, and the way back from it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparserl import linalg, persistence
from sparserl.experiment.building import Built, Learner, make_learner
from sparserl.experiment.choices import Experiment
from sparserl.experiment.machine import refuse_altered_settings
from sparserl.sparsity import SparseOptimizer
from sparserl.types import AgentState, Group, UserError


def policy_arrays(state: AgentState) -> dict[str, np.ndarray]:
    """What a finished run keeps, by path: the groups under their names, and all else that is not replay."""
    return {name: np.asarray(leaf) for name, leaf in leaves(_kept(state)).items()}


def _kept(state: AgentState) -> dict[str, Any]:
    """Parameters, targets, topologies, optimizers' states, and the agent's own fields, as what it normalizes with."""
    others = {name: value for name, value in state._asdict().items() if name not in ("groups", "replay")}
    return {**state.groups, **others}


def experiment_in(folder: Path) -> Experiment:
    """The experiment of a folder, to be trained as it says. Raises UserError where that cannot be, naming its file."""
    return _read(folder, Experiment.from_choices)


def _read(folder: Path, take: Callable[[Mapping[str, Any]], Experiment]) -> Experiment:
    choices = persistence.read_experiment(folder)["choices"]
    try:
        return take(choices)
    except UserError as error:
        error.locate(str(folder / "experiment.json"))
        raise


def stored_experiment(run_folder: Path) -> Experiment:
    """The experiment of a stored run. Raises UserError where what lies beside the run is that of another one."""
    folder = persistence.experiment_folder(run_folder)
    experiment = _read(folder, Experiment.of_results)
    _refuse_anothers(run_folder, folder)
    return experiment


def rebuild(run_folder: Path) -> tuple[Experiment, Learner, AgentState]:
    """The experiment of a stored run, what it stands for but environments, and its trained state (no replay)."""
    refuse_altered_settings()
    experiment = stored_experiment(run_folder)
    arrays, _ = persistence.read_bundle(run_folder / "checkpoint")
    learner = make_learner(experiment)
    template = as_stored(learner, arrays)
    groups = template.groups
    kept = filled(_kept(template), arrays, f"{run_folder}/checkpoint")
    groups = {name: kept.pop(name) for name in groups}
    return experiment, learner, template._replace(groups=groups, replay=None, **kept)


def _refuse_anothers(run_folder: Path, folder: Path) -> None:
    """Raises UserError where the run is one of another experiment than the `experiment.json` beside it."""
    held = persistence.run_in(run_folder, persistence.EVALUATIONS)
    if held is not None and not persistence.holds_experiment(folder, held.experiment):
        raise UserError(f"{run_folder} holds {held}, which {folder / 'experiment.json'} is not of: put its own there")


def leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> dict[str, Any]:
    """The leaves of a tree by path, as "agent/groups/q/params"."""
    paths = jax.tree_util.tree_leaves_with_path(tree, is_leaf)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in paths}


def filled(template: Any, arrays: Mapping[str, np.ndarray], where: str) -> Any:
    """The tree of the shapes `template`, with the arrays of its names, which come from a file that need not be ours.

    Raises `UserError` where they are those of another tree, and where indices of a compressed kernel do not hold.
    """
    shapes = leaves(template)
    if shapes.keys() != arrays.keys():
        odd = sorted(shapes.keys() ^ arrays.keys())[0]
        raise UserError(f"{where} is of another version: it and this sparserl differ in {odd!r}")
    for name, shape in shapes.items():
        if (shape.shape, shape.dtype) != (arrays[name].shape, arrays[name].dtype):
            kinds = [f"{array.dtype}{list(array.shape)}" for array in (arrays[name], shape)]
            raise UserError(f"{where} is of another version: {name!r} is {kinds[0]} there and {kinds[1]} here")
    tree = jax.tree.unflatten(jax.tree.structure(template), [arrays[name] for name in shapes])
    _check_kernels(tree, where)
    return jax.tree.map(jnp.asarray, tree)


def _check_kernels(tree: Any, where: str) -> None:
    is_compressed = lambda node: isinstance(node, linalg.Compressed)
    for name, kernel in leaves(tree, is_compressed).items():
        try:
            if is_compressed(kernel):
                kernel.check()
        except ValueError as error:
            raise UserError(f"{where} is damaged or forged: in {name!r}, {error}") from None


def as_stored(built: Built | Learner, arrays: Mapping[str, np.ndarray]) -> AgentState:
    """Shapes of an agent's state whose groups are laid out as those that `arrays`, by group and path, were."""
    template = jax.eval_shape(built.agent.init, jax.random.key(0))
    groups = {name: _as_stored(built.optimizers[name], name, group, arrays) for name, group in template.groups.items()}
    return template._replace(groups=groups)


def _as_stored(optimizer: SparseOptimizer, name: str, group: Group, arrays: Mapping[str, np.ndarray]) -> Group:
    """Shapes of a group, compressed as it was when it was stored: pruning compresses on its way."""
    values = {layer: f"{name}/params/{layer}/kernel/values" for layer in optimizer.break_even}
    capacities = {layer: arrays[path].size for layer, path in values.items() if path in arrays}
    laid_out: Group = jax.eval_shape(lambda group: optimizer.laid_out(group, capacities), group)
    return laid_out
