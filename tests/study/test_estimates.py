"""Estimates by hand: interpolation over sizes, environments as ratios, pruning in two parts, finished runs first."""

import pytest

from sparserl.experiment import from_preset, planned
from sparserl.study.calibration import Measurement
from sparserl.study.estimates import MOST_REPRESENTATIVES, Job, representatives, seconds_of_runs
from sparserl.study.files import load
from sparserl.study.workload import workload

STEPS, EVALUATIONS, LENGTH = 100_000, 51, 500  # of DQN's runs on CartPole


def dense(width, environment="CartPole-v1"):
    return planned(from_preset("dqn", "dense", environment, **{"network.hidden_units": (width, width)}))


def job(experiment, finished_seconds=None):
    return Job(experiment, workload(experiment), finished_seconds)


def parameters(width, inputs=4, outputs=2):
    return (inputs + 1) * width + (width + 1) * width + (width + 1) * outputs


def estimated(jobs, measured):
    return seconds_of_runs(jobs, {jobs[index].experiment.identifier: one for index, one in measured.items()})


def test_a_measured_run_is_start_steps_and_evaluations():
    [seconds] = estimated([job(dense(64))], {0: Measurement(10.0, 0.001, 0.0002)})
    assert seconds == pytest.approx(10.0 + STEPS * 0.001 + EVALUATIONS * LENGTH * 0.0002)


def test_sizes_in_between_lie_on_a_line_and_none_lie_beyond():
    jobs = [job(dense(width)) for width in (32, 64, 128, 256, 512)]
    found = estimated(jobs, {1: Measurement(0.0, 0.001, 0.0), 3: Measurement(0.0, 0.005, 0.0)})
    share = (parameters(128) - parameters(64)) / (parameters(256) - parameters(64))
    assert found == pytest.approx([100.0, 100.0, 100.0 + share * 400.0, 500.0, 500.0])


def test_another_environment_is_as_much_slower_as_measured():
    """Acrobot at 64 units takes 3 times what CartPole takes, so it does at 256."""
    jobs = [job(dense(64)), job(dense(256)), job(dense(64, "Acrobot-v1")), job(dense(256, "Acrobot-v1"))]
    found = estimated(
        jobs,
        {0: Measurement(0.0, 0.001, 0.0), 1: Measurement(0.0, 0.005, 0.0), 2: Measurement(0.0, 0.003, 0.001)},
    )
    line = 0.001 + 0.004 * (parameters(64, 6, 3) - parameters(64)) / (parameters(256) - parameters(64))
    of_evaluations = EVALUATIONS * LENGTH * 0.001
    assert found[2] == pytest.approx(300.0 + of_evaluations)
    assert found[3] == pytest.approx(STEPS * 0.005 * 0.003 / line + of_evaluations, rel=1e-6)


def test_what_finished_decides_its_experiment_and_corrects_its_family():
    jobs = [job(dense(64), finished_seconds=150.0), job(dense(128)), job(dense(256))]
    found = estimated(jobs, {0: Measurement(0.0, 0.001, 0.0), 2: Measurement(0.0, 0.001, 0.0)})
    assert found == pytest.approx([150.0, 150.0, 150.0])


def test_other_agents_and_nothing_at_all_are_not_known():
    ppo = planned(from_preset("ppo", "dense", "CartPole-v1"))
    assert estimated([job(dense(64)), job(ppo)], {0: Measurement(0.0, 0.001, 0.0)})[1] is None
    assert estimated([job(dense(64))], {}) == [None]


@pytest.mark.kernels
def test_a_pruned_network_is_dense_first_and_compressed_later():
    pruned, static = (planned(from_preset("dqn", name, "CartPole-v1", sparsity=0.9)) for name in ("prune", "static"))
    jobs = [job(pruned), job(static)]
    assert [one.family[1] for one in jobs] == ["shrinking", "compressed"]
    assert [one.size for one in jobs] == [266_242, 27_549]
    found = estimated(jobs, {0: Measurement(0.0, 0.002, 0.0), 1: Measurement(0.0, 0.0005, 0.0)})
    assert found[0] == pytest.approx(STEPS * (0.4 * 0.002 + 0.6 * 0.0005))


def test_representatives_are_few_and_tell_of_all():
    jobs = [job(one) for one in load("figure_8", "paper").experiments]
    chosen = representatives(jobs)
    assert len(chosen) == len(set(chosen)) <= MOST_REPRESENTATIVES
    assert {one.storage for one in chosen} == {job.experiment.storage for job in jobs}
    assert {one.environment for one in chosen} == {"CartPole-v1", "Acrobot-v1", "MountainCar-v0"}
    masked = [one for one in chosen if one.method_name == "dense"]
    assert max(one.network.hidden_units[0] for one in masked) == 512


@pytest.mark.parametrize(
    ("agent", "environment", "expected"),
    [  # steps, evaluations and steps of these at most: the reference, section 9
        ("dqn", "CartPole-v1", (100_000, 51, 51 * 20 * 500)),
        ("sac", "Pendulum-v1", (1_000_000, 101, 101 * 30 * 200)),
        ("ppo", "Pendulum-v1", (1_000_000, 490, 490 * 20 * 200)),
    ],
)
def test_a_workload_is_the_published_one(agent, environment, expected):
    found = workload(planned(from_preset(agent, "dense", environment)))
    assert (found.environment_steps, found.num_evaluations, found.evaluation_steps) == expected


def test_a_workload_of_evaluations_by_steps_has_the_last_episode_whole():
    """20 environments play 500 steps each; at worst an episode of 500 begins one step before that."""
    found = workload(planned(from_preset("dqn", "dense", "CartPole-v1", **{"evaluation.min_steps": 10_000})))
    assert found.evaluation_length_steps == 499 + 500
    assert found.evaluation_steps == 51 * 20 * 999


def test_a_workload_counts_replay_and_state():
    """By hand for SAC on Pendulum, 3 observations and 1 action: transitions of 2 x 3 + 1 + 1 floats and 2 flags."""
    choices = {"agent.replay_capacity_steps": 1_000, "total_steps": 20_000}
    dense_sac = planned(from_preset("sac", "dense", "Pendulum-v1", **choices))
    size = parameters(256, 3, 2) + 2 * parameters(256, 4, 1)
    found = workload(dense_sac)
    state = 4 * 4 * size + size
    assert found.parameters == found.computed_parameters == size
    assert found.running_bytes == 2 * state + 1_000 * (8 * 4 + 2)
    assert found.finished_bytes >= state
