"""SBX made sparse through `policy_kwargs`: SAC, DQN and PPO of the example, and SBX's other algorithms and policies.

It needs SBX, which brings PyTorch, so it runs in an environment of its own: `scripts/check-clients` makes it.
"""

import csv
import importlib.util
import re
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import sparserl
from sparserl.types import UserError

pytestmark = [pytest.mark.clients, pytest.mark.slow, pytest.mark.filterwarnings("default")]

EXAMPLE = Path(__file__).parents[2] / "examples" / "sbx_sparse.py"
SETS = {  # just long enough for one change of the topology in the default window
    "sac": ("Pendulum-v1", 1_500, 500),
    "dqn": ("CartPole-v1", 4_000, 1_000),
    "ppo": ("CartPole-v1", 10_240, 5_120),
}


@pytest.fixture(scope="module")
def example():
    jax.config.update("jax_numpy_rank_promotion", "allow")  # SBX's code relies on it
    spec = importlib.util.spec_from_file_location("sbx_sparse", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["sbx_sparse"] = module
    spec.loader.exec_module(module)
    yield module
    jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="module", params=SETS)
def trained(request, example, tmp_path_factory):
    """An algorithm, what was written, and the model as it was saved."""
    algorithm, output = request.param, tmp_path_factory.mktemp(request.param)
    environment, steps, interval = SETS[algorithm]
    words = [algorithm, environment, "--steps", steps, "--interval", interval, "--episodes", 1, "--output", output]
    example.main([str(word) for word in words])
    path = output / f"{algorithm}-{environment}-rigl-0.csv"
    return algorithm, path, example.ALGORITHMS[algorithm].load(path.with_suffix(".zip"), env=made(environment))


def made(environment):
    import gymnasium

    return gymnasium.make(environment)


def stacks(state):
    """Kernel and mask of each layer; those of several critics stacked, as SBX has them."""
    masks = {}
    for name, mask in sparserl.topology(state).items():
        masks.setdefault(name.partition("[")[0], []).append(np.asarray(mask))
    path_of = lambda path: "/".join(str(step.key) for step in path)
    leaves = {path_of(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(state.params)}
    kernels = {name: leaves[f"{name}/kernel"] for name in masks}
    return {name: (kernels[name], np.stack(own).reshape(kernels[name].shape)) for name, own in masks.items()}


def assert_exact(states, sparsity=0.9):
    """Every kernel is masked, nothing dead has a value, and as many weights as asked are alive: in each critic."""
    for state in states.values():
        kernels = [path for path, _ in jax.tree_util.tree_leaves_with_path(state.params) if path[-1].key == "kernel"]
        assert len(stacks(state)) == len(kernels)
        for kernel, mask in stacks(state).values():
            assert not kernel[~mask].any()
            if mask.ndim == 3:
                assert len(set(mask.sum((1, 2)))) == 1
                assert mask.all() or (mask[0] != mask[1]).any()
        live = sum(mask.sum() for _, mask in stacks(state).values())
        weights = sum(mask.size for _, mask in stacks(state).values())
        assert 0 <= live - (1 - sparsity) * weights < 2 * len(sparserl.topology(state))  # each layer rounds up, twice


def test_rows_and_masks(example, trained):
    algorithm, path, model = trained
    _, steps, interval = SETS[algorithm]
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert [int(row["environment_steps"]) for row in rows] == list(range(0, steps + 1, interval))
    states = example.train_states(model)
    assert_exact(states)
    for name, state in states.items():
        assert state.step == example.total_updates(algorithm, steps)
        assert int(rows[-1][f"{name}_nonzero"]) <= sum(map(int, sparserl.live_weights(state).values()))


def test_the_topology_has_moved(example, trained):
    algorithm, _, model = trained
    environment, steps, _ = SETS[algorithm]
    first = example.train_states(example.make(algorithm, made(environment), "rigl", 0.9, steps, seed=0))
    for name, state in example.train_states(model).items():
        before, after = (
            np.concatenate([np.ravel(m) for m in sparserl.topology(s).values()]) for s in (first[name], state)
        )
        assert before.sum() == after.sum()
        assert (before != after).any()


def test_what_was_saved_goes_on(example, trained):
    algorithm, _, model = trained
    steps = {name: int(state.step) for name, state in example.train_states(model).items()}
    model.learn(2_100 if algorithm != "ppo" else 2_048, reset_num_timesteps=False)
    assert_exact(example.train_states(model))
    for name, state in example.train_states(model).items():
        assert state.step > steps[name]
        assert counted(state) == state.step


def counted(state):
    """How many updates `sparsify` has counted, whose windows are parts of all of them."""
    is_ours = lambda node: hasattr(node, "num_updates")
    [found] = [node for node in jax.tree.leaves(state.opt_state, is_leaf=is_ours) if is_ours(node)]
    return int(found.num_updates)


def test_what_is_finished_is_not_trained_again(example, trained, capsys):
    algorithm, path, _ = trained
    environment, steps, _ = SETS[algorithm]
    written = path.read_bytes()
    example.main([algorithm, environment, "--steps", str(steps), "--output", str(path.parent)])
    assert "is there" in capsys.readouterr().out
    assert path.read_bytes() == written


def dead_in_target(example, state):
    """The largest value that the critics' target has where they are dead."""
    dead = optax.tree.sub(state.target_params, example.live_target(state))
    return max(float(np.abs(leaf).max()) for leaf in jax.tree.leaves(dead))


def test_targets_collect_dead_weights_unless_they_are_masked(example):
    import sbx
    from stable_baselines3.common.callbacks import BaseCallback

    class Seen(BaseCallback):
        dead = ()

        def _on_rollout_start(self):
            self.dead = (*self.dead, dead_in_target(example, self.model.policy.qf_state))

        def _on_step(self):
            return True

    for masked in (False, True):
        adam = example.sparse_adam("rigl", 0.9, 40, interval_updates=10)
        model = sbx.SAC(
            "MlpPolicy", made("Pendulum-v1"), learning_starts=5, policy_kwargs={"optimizer_class": adam}, seed=0
        )
        example.born_sparse(model)
        assert_exact(example.train_states(model))
        assert dead_in_target(example, model.policy.qf_state) == 0
        seen = Seen()
        model.learn(30, callback=[example.MaskedTargets(), seen] if masked else seen)
        assert (max(seen.dead) > 0) == (not masked)


DROPQ = {"dropout_rate": 0.1, "layer_norm": True, "n_critics": 3}
OTHERS = {  # SBX's other algorithms, and choices of the network that change what parameters there are
    "simba": ("SAC", "SimbaPolicy", "Pendulum-v1", {"net_arch": [16]}, {}),
    "delayed": (
        "SAC",
        "MlpPolicy",
        "Pendulum-v1",
        {"dropout_rate": 0.1, "layer_norm": True, "n_critics": 3},
        {"policy_delay": 2, "gradient_steps": 3},
    ),
    "td3": ("TD3", "MlpPolicy", "Pendulum-v1", {}, {}),
    "tqc": ("TQC", "MlpPolicy", "Pendulum-v1", {}, {}),
    "ppo": ("PPO", "MlpPolicy", "Pendulum-v1", {}, {"n_steps": 64, "learning_rate": lambda left: left * 1e-3}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_others_of_sbx(example, name):
    import sbx

    algorithm, policy, environment, network, settings = OTHERS[name]
    adam = example.sparse_adam("set", 0.8, 60, interval_updates=5)
    if algorithm != "PPO":
        settings = {"learning_starts": 10, "buffer_size": 1_000, **settings}
    model = getattr(sbx, algorithm)(
        policy, made(environment), seed=1, policy_kwargs={"optimizer_class": adam, **network}, **settings
    )
    model.learn(40)
    states = [value for value in vars(model.policy).values() if hasattr(value, "opt_state")]
    assert len(states) >= 2
    assert_exact(dict(enumerate(states)), sparsity=0.8)


def test_numbers_that_sbx_makes_arrays_of_are_told():
    import sbx

    def optimizer_class(learning_rate, sparsity=0.9):
        return sparserl.sparsify(optax.adam(learning_rate), "static", sparsity=sparsity)

    with pytest.raises(UserError, match=r"sparsity is an array of JAX.*inject_hyperparams"):
        sbx.SAC("MlpPolicy", made("Pendulum-v1"), policy_kwargs={"optimizer_class": optimizer_class})


def test_python_about_sbx_runs(capsys):
    """In order, as a reader would type it; the table is the one that the document shows."""
    document = (Path(__file__).parents[2] / "docs/how-to/sparse-sbx.md").read_text(encoding="utf-8")
    namespace = {"__name__": "document"}
    for number, block in enumerate(re.findall(r"```python\n(.*?)```", document, flags=re.DOTALL)):
        exec(compile(block, f"docs/how-to/sparse-sbx.md, block {number}", "exec"), namespace)
    [table] = re.findall(r"```\n(rigl\n.*?)```", document, flags=re.DOTALL)
    printed = capsys.readouterr().out
    assert printed.startswith(table)
    assert_exact({"critics": namespace["again"].policy.qf_state})
    assert_exact({"critics": namespace["critics"]}, sparsity=0.8)
    assert_exact({"actor": namespace["actor"]}, sparsity=0.95)


def test_heads_of_pictures_are_sparse_and_what_they_share_is_not(example):
    """PPO's actor and value function copy one convolutional network to and fro."""
    import gymnasium
    import sbx

    class Pictures(gymnasium.Env):
        observation_space = gymnasium.spaces.Box(0, 255, (1, 36, 36), np.uint8)
        action_space = gymnasium.spaces.Discrete(2)

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            return self.observation_space.sample(), {}

        def step(self, action):
            return self.observation_space.sample(), float(action), False, False, {}

    heads = {"select": lambda path, leaf: "NatureCNN" not in path}
    adam = example.sparse_adam("rigl", 0.9, 40, interval_updates=4, **heads)
    settings = {"n_steps": 16, "batch_size": 8, "n_epochs": 2, "policy_kwargs": {"optimizer_class": adam}, "seed": 0}
    model = sbx.PPO("CnnPolicy", Pictures(), **settings)
    model.learn(32)
    actor, value = model.policy.actor_state, model.policy.vf_state
    jax.tree.map(
        np.testing.assert_array_equal, actor.params["params"]["NatureCNN_0"], value.params["params"]["NatureCNN_0"]
    )
    for state in (actor, value):
        assert {name.split("/")[1] for name in sparserl.topology(state)} == {"Dense_0"}
        for kernel, mask in stacks(state).values():
            assert not mask.all()
            assert not kernel[~mask].any()
