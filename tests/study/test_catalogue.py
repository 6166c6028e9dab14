"""The catalogue: every study can be planned at every scale, with the paper's runs, shared ones planned as one."""

import dataclasses
import functools
import importlib.util
import json
import re
from pathlib import Path

import jax
import numpy as np
import pytest

from covering import covering
from sparserl.experiment import from_preset, policy_arrays, run, with_choices
from sparserl.experiment.building import make_learner
from sparserl.study import SCALES, files
from sparserl.study.files import catalogue_names
from sparserl.study.grids import grid

pytestmark = pytest.mark.slow

load = functools.cache(files.load)
COUNTS = json.loads((Path(__file__).parent.parent / "data" / "expected_counts.json").read_text())
ATARI = {"figure_1_atari", "figure_2_atari", "figure_6", "figure_10", "figure_11", "figure_12_atari", "figure_17"}
ATARI |= {"figure_18"}
NEEDS_MUJOCO = pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="needs mujoco")
NEEDS_ATARI = pytest.mark.skipif(importlib.util.find_spec("ale_py") is None, reason="needs ale-py")
CLASSIC_ONLY = {"figure_5_dqn", "figure_8", "figure_14_dqn", "table_1"}


def runs(name, scale="paper"):
    study = load(name, scale)
    return {(one.identifier, seed) for one in study.experiments for seed in range(study.num_seeds)}


def sparse(name):
    study = load(name, "paper")
    return sum(one.method_name != "dense" for one in study.experiments) * study.num_seeds


def test_every_figure_and_table_that_is_no_list_of_choices_is_there():
    numbers = {tuple(name.split("_")[:2]) for name in catalogue_names()}
    figures = {("figure", str(number)) for number in range(1, 19)}
    assert numbers == figures | {("table", str(number)) for number in (1, 2, 3, 5)}


@NEEDS_ATARI
@NEEDS_MUJOCO
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", catalogue_names())
def test_every_study_can_be_planned(name, scale):
    study = load(name, scale)
    assert study.name == name
    assert study.question.endswith("?")
    assert study.experiments
    assert not study.waiting
    if scale == "smoke":
        assert len(study.experiments) * study.num_seeds <= 40
        assert max((one.total_steps for one in study.experiments if study.num_seeds), default=0) < 5_000


@pytest.mark.parametrize("name", sorted(CLASSIC_ONLY))
def test_classic_control_needs_no_extra(name):
    assert {one.environment for one in load(name, "paper").experiments} <= {
        "CartPole-v1",
        "Acrobot-v1",
        "MountainCar-v0",
    }


@NEEDS_MUJOCO
@pytest.mark.parametrize(
    ("name", "expected"),
    [  # the reference's budget, section 9, and where dense networks come beside it, these
        ("figure_15", 1_200),
        ("figure_16", 1_035 + 5 * 9),  # SAC's dense networks, which returns are divided by
        ("figure_3", 2_250 + 5 * 10),  # dense networks of full size, the horizontal line
        ("figure_4_weight_decay", 200 + 4 * 10),  # of full size
        ("figure_4_initialization", 120 + 2 * 10),  # both sizes
        ("figure_13_drop_fraction", 100 + 2 * 10),
        ("figure_13_update_interval", 150 + 2 * 10),
        ("figure_13_batch_size", 250 + 5 * 10),  # of full size
        ("table_1", 452 + 4 - 84),  # of full size, without those that repeat another
        ("table_2", 452 + 4 - 84),
        ("table_3", 452 + 4 - 84),
        ("figure_8", 780 + 600),
    ],
)
def test_runs_at_scale_paper_are_the_references(name, expected):
    assert len(runs(name)) == expected


@NEEDS_MUJOCO
def test_uniform_sparsity_needs_no_dense_networks_of_its_own():
    assert len(runs("figure_12_sac") - runs("figure_15")) == sparse("figure_12_sac") == 480
    assert sparse("figure_12_ppo") == 432
    humanoid_at_95 = 9  # whose dense network figure 16 leaves out
    assert len(runs("figure_12_ppo") - runs("figure_16")) == 432 + humanoid_at_95


@NEEDS_ATARI
@pytest.mark.parametrize(
    ("name", "expected"),
    [  # the reference's budget, section 9
        ("figure_10", 3_510),
        ("figure_11", 3_510),
        ("figure_17", 3_510),
        ("figure_18", 3_510),
        ("figure_1_atari", 2 * 15 * 6 * 9),  # four sparse methods at 90 %, dense as large and of full size
        ("figure_2_atari", 3 * (4 * 5 + 1) * 9),
        ("figure_6", 3 * 7 * 9),
    ],
)
def test_runs_of_atari_at_scale_paper_are_the_references(name, expected):
    assert len(runs(name)) == expected
    experiments = load(name, "paper").experiments
    assert {one.total_steps for one in experiments} == {10_000_000}
    assert {one.network_name for one in experiments} <= {"cnn", "resnet"}
    games = {one.environment.removeprefix("atari:") for one in experiments}
    assert games == set(COUNTS["atari_minimal_action_counts"]) or len(games) == 3


@NEEDS_ATARI
def test_the_sweep_of_the_resnet_is_the_appendixs():
    """A.3: four weight decays by four learning rates; each decay halved, as the published term is (Deviation 51)."""
    experiments = load("table_5", "paper").experiments
    found = {(one.weight_decay, one.optimizer.learning_rate) for one in experiments}
    assert found == {(decay / 2, rate) for decay in (0, 1e-6, 1e-5, 1e-4) for rate in (1e-4, 2.5e-4, 1e-3, 2.5e-3)}
    assert {(one.method_name, one.network_name, one.network.width) for one in experiments} == {("dense", "resnet", 1.0)}
    assert len(runs("table_5")) == 16
    assert len(runs("table_5") & runs("figure_11")) == 1


@NEEDS_ATARI
def test_the_main_grids_of_atari_are_run_once():
    cnn, resnet = runs("figure_10"), runs("figure_11")
    assert runs("figure_17") == cnn
    assert runs("figure_18") == resnet
    assert runs("figure_2_atari") | runs("figure_6") < cnn
    assert runs("figure_1_atari") < cnn | resnet
    assert not cnn & resnet
    assert len(runs("figure_12_atari") - cnn) == sparse("figure_12_atari") == 432


@NEEDS_ATARI
def test_dense_networks_of_atari_have_the_references_widths():
    """The reference, sections 10.2 and 10.3: a multiplier in thousandths, for 6, 9 and 18 actions."""
    expected = {
        "figure_10": {"0.5": 0.702, "0.8": 0.438, "0.9": 0.311, "0.95": 0.217, "0.99": 0.094},
        "figure_11": {"0.5": 0.702, "0.8": 0.438, "0.9": 0.311, "0.95": 0.219, "0.99": 0.094},
    }
    for name, widths in expected.items():
        for game in ("MsPacman", "Pong"):
            dense = [one for one in load(name, "paper").experiments if one.method_name == "dense"]
            found = {one.network.width for one in dense if one.environment == f"atari:{game}"}
            assert found == {1.0, *widths.values()}, (name, game)


@pytest.mark.parametrize("scale", ["smoke", "quick"])
@pytest.mark.parametrize("name", sorted(ATARI))
def test_minatar_stands_in_for_atari_where_a_cpu_is_to_do_it(name, scale):
    """So these need no package."""
    assert {one.environment for one in load(name, scale).experiments} <= {"MinAtar/Breakout-v1", "MinAtar/Asterix-v1"}


@NEEDS_MUJOCO
def test_the_main_grids_are_run_once():
    """Figures 1, 2, 9 and 15 (and 16) share theirs; so do 4, 5 and 14 as far as they ask for the same."""
    sac, ppo = runs("figure_15"), runs("figure_16")
    for name in ("figure_1_sac", "figure_2_sac", "figure_5_sac", "figure_9_sac"):
        assert runs(name) < sac, name
    for name in ("figure_1_ppo", "figure_2_ppo", "figure_9_ppo"):
        assert runs(name) < ppo, name
    together = runs("figure_1_sac") | runs("figure_2_sac") | runs("figure_9_sac")
    assert len(sac - together) == 3 * 5 * 10  # 99 % of three environments
    assert runs("figure_4_distribution") < sac | runs("figure_12_sac")
    assert runs("figure_5_dqn") | runs("figure_14_dqn") < runs("figure_8")
    last_layer_dense = {one.identifier for one in load("figure_14_sac", "paper").experiments if one.dense_last_layer}
    assert len(last_layer_dense) * 10 == 400


@NEEDS_MUJOCO
def test_figures_share_at_smaller_scales_too():
    for scale in ("smoke", "quick"):
        assert runs("figure_1_sac", scale) <= runs("figure_15", scale)
        assert runs("figure_2_sac", scale) <= runs("figure_15", scale)
        assert runs("figure_1_ppo", scale) <= runs("figure_16", scale)


def reference_widths():
    """Width of the matched dense network at each sparsity: the reference's counts, and its section 10 for v5 tasks."""
    widths = {
        ("sac", "Walker2d"): {"0.5": 178, "0.8": 109, "0.9": 75, "0.95": 52, "0.99": 24},
        ("sac", "Ant"): {"0.5": 168, "0.8": 93, "0.9": 57, "0.95": 35},
        ("sac", "Humanoid"): {"0.5": 153, "0.8": 73, "0.9": 40, "0.95": 22},
        ("ppo", "Hopper"): {"0.5": 44, "0.8": 27, "0.9": 19, "0.95": 13, "0.99": 8},
        ("ppo", "Ant"): {"0.5": 38, "0.8": 18, "0.9": 10, "0.95": 6},
        ("ppo", "Humanoid"): {"0.5": 35, "0.8": 15, "0.9": 8},
    }
    for environment, counts in COUNTS["dqn_mlp"].items():
        widths["dqn", environment] = {one: row["dense_equiv"]["hidden"] for one, row in counts["sparsity"].items()}
    for environment in ("HalfCheetah", "Hopper"):
        rows = COUNTS["sac"][environment]["dense_equiv_common_width"]
        widths["sac", environment] = {one: row["hidden"] for one, row in rows.items()}
    return widths


@NEEDS_MUJOCO
def test_dense_networks_have_the_references_widths():
    """The reference matches live weights and all biases, as the published code counts parameters."""
    found = {}
    for name in ("figure_8", "figure_15", "figure_16"):
        for one in load(name, "paper").experiments:
            if one.method_name == "dense":
                place = one.agent_name, one.environment.split("-")[0]
                found.setdefault(place, set()).add(one.network.hidden_units)
    full = {"dqn": 512, "sac": 256, "ppo": 64}
    for (agent, environment), widths in reference_widths().items():
        expected = {(width, width) for width in (*widths.values(), full[agent])}
        assert found[agent, environment] == expected, (agent, environment)


def test_sweeps_leave_out_what_another_of_their_runs_repeats():
    """Deviation 5: pruning draws as if dense; and a drop fraction of 0 moves nothing, at whatever interval."""
    choices = {
        "weight_decay": [0.0, 1e-6, 1e-4, 1e-3],
        "sparsity_aware_initialization": [True, False],
        "method.drop_fraction": [0.0, 0.1, 0.2, 0.3, 0.5],
        "method.window.interval_updates": [100, 250, 500, 1_000, 5_000],
    }
    full = set(grid("dqn", environments=("Acrobot-v1",), sparsities=(0.9,), **choices))
    kept = set(load("table_1", "paper").experiments)
    left_out = full - kept
    assert (len(full), len(left_out), kept < full) == (452 + 4, 84, True)
    for one in left_out:
        if one.method_name == "prune":
            same = dataclasses.replace(one, sparsity_aware_initialization=not one.sparsity_aware_initialization)
        else:
            assert one.method.drop_fraction == 0
            same = with_choices(one, {"method.window.interval_updates": 1_000})
        assert same in kept


@pytest.mark.parametrize(
    ("method", "changed"),
    covering(
        [
            ("prune", {"sparsity_aware_initialization": False}),  # what is drawn is tested by itself
            ("set", {"method.drop_fraction": 0.0, "method.window.interval_updates": 100}),
            ("rigl", {"method.drop_fraction": 0.0, "method.window.interval_updates": 100}),
        ],
        lambda case: case[0] == "rigl",
    ),
)
def test_what_sweeps_leave_out_has_no_effect(method, changed):
    """Trained for 300 steps either way, all parameters and moments end in the same bits."""
    tiny = {"total_steps": 300, "network.hidden_units": (8, 8), "agent.warmup_steps": 100, "storage": "masked"}
    tiny |= {"evaluation.interval_steps": 300, "evaluation.num_episodes": 1, "method.window.interval_updates": 50}
    if "method.drop_fraction" in changed:
        tiny["method.drop_fraction"] = 0.0
    one = from_preset("dqn", method, "CartPole-v1", **tiny)
    first, second = (list(run(each, 0))[-1] for each in (one, with_choices(one, changed)))
    arrays, others = policy_arrays(first.state.agent), policy_arrays(second.state.agent)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, others[name], err_msg=name)


@pytest.mark.parametrize(("method", "same"), [("prune", True), ("static", False)])
def test_pruning_draws_the_same_weights_whatever_the_initialization(method, same):
    tiny = {"network.hidden_units": (8, 8), "storage": "masked"}
    drawn = []
    for aware in (True, False):
        experiment = from_preset("dqn", method, "CartPole-v1", **tiny, sparsity_aware_initialization=aware)
        agent = make_learner(experiment).agent
        drawn.append(policy_arrays(agent.init(jax.random.key(0))))
    assert drawn[0].keys() == drawn[1].keys()
    assert same == all(np.array_equal(array, drawn[1][name]) for name, array in drawn[0].items())


@NEEDS_ATARI
@NEEDS_MUJOCO
@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_what_figure_5_shows_is_recorded_whichever_study_is_run_first(scale):
    """But for figure 14, DQN, whose runs take too little time beside what that costs."""
    shown = {identifier for name in ("figure_5_dqn", "figure_5_sac") for identifier, _ in runs(name, scale)}
    for name in catalogue_names():
        study = load(name, scale)
        shared = shown & {one.identifier for one in study.experiments}
        lacking = {identifier for identifier in shared if not study.is_diagnosed(identifier)}
        assert lacking == (shared if name == "figure_14_dqn" else set()), name


DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "studies.md"


@NEEDS_ATARI
@NEEDS_MUJOCO
def test_the_documents_table_is_the_catalogue():
    rows = re.findall(r"^\| (\w+ \d+) \| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert [name for _, name, *_ in rows] == catalogue_names()
    for title, name, *told in rows:
        assert name.startswith(title.replace(" ", "_"))
        numbers = [int(number.replace(",", "")) for number in told]
        assert numbers == [len(runs(name, scale)) for scale in SCALES], name


@NEEDS_ATARI
@NEEDS_MUJOCO
def test_the_documents_total_is_all_runs():
    [told] = re.findall(r"all studies together are ([\d,]+) at scale paper", DOCUMENT.read_text())
    assert int(told.replace(",", "")) == len(set().union(*map(runs, catalogue_names())))


@pytest.mark.parametrize("scale", SCALES)
def test_the_documents_example_can_be_planned(tmp_path, scale):
    [example] = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    path = tmp_path / "drop_fraction.py"
    path.write_text(example)
    study = files.load(path, scale)
    cells = 2 * 2 * (1 + 2 + 1) + 2 * 1  # static, RigL twice and matched dense at each sparsity; full dense
    assert (study.name, len(study.experiments)) == ("drop_fraction", cells)
