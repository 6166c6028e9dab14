"""Going on with fresh episodes: all but the environment as it was, marked, and to exactly the steps that were asked."""

import dataclasses

import jax
import numpy as np
import pytest

from sparserl import persistence
from sparserl.agents.dqn import DQNSettings
from sparserl.experiment import build, from_preset, run
from sparserl.experiment.resuming import restore
from sparserl.networks import MLPSettings
from sparserl.persistence import UserError
from sparserl.training import EvaluationSettings

pytestmark = pytest.mark.slow

SEED, KEY = 3, jax.random.split(jax.random.key(3))[0]


def short(environment, **choices):
    return dataclasses.replace(
        from_preset("dqn", "static", environment),
        **{
            "agent": DQNSettings(warmup_steps=40, batch_size=16, replay_capacity_steps=70, n_step=3),
            "network": MLPSettings(hidden_units=(8, 8)),
            "storage": "masked",
            "sparsity": 0.5,
            "total_steps": 100,
            "evaluation": EvaluationSettings(interval_steps=50, num_episodes=2),
            **choices,
        },
    )


class Stop:
    """A run up to a step, its rows, and its checkpoint, read back from the disk."""

    def __init__(self, experiment, folder, stop_steps, checkpoint=None, resume="auto"):
        self.rows, self.report = [], None
        for self.report in run(experiment, SEED, 5, checkpoint=checkpoint, resume=resume):
            if self.report.evaluation:
                self.rows.append(self.report.evaluation)
            if self.report.environment_steps >= stop_steps:
                break
        steps, captured = self.report.environment_steps, self.report.capture()
        attempt = persistence.claim(folder)
        persistence.drop_generations(attempt)
        arguments = (captured.arrays, captured.document, captured.ring)
        persistence.write_generation(attempt, persistence.Kept(), steps, *arguments)
        attempt.release()
        self.checkpoint, _ = persistence.read_newest(folder)


@pytest.fixture(scope="module")
def stops(tmp_path_factory):
    """A run that is stopped twice, at odd steps of its environment's episodes of ten, and then goes on to its end."""
    folder, experiment = tmp_path_factory.mktemp("run"), short("stateful_environments:Locked-v0")
    first = Stop(experiment, folder, 55)
    second = Stop(experiment, folder, 75, first.checkpoint)
    return [first, second, Stop(experiment, folder, 100, second.checkpoint)]


def test_it_reaches_the_steps_that_were_asked_for_and_is_marked(stops):
    rows = [(row["environment_steps"], row["num_breaks"]) for stop in stops for row in stop.rows]
    assert rows == [(0, 0), (50, 0), (100, 2)]
    assert [stop.report.standing.goes_on for stop in stops] == ["fresh-episode"] * 3
    assert [stop.report.standing.breaks for stop in stops] == [(), (55,), (55, 75)]
    assert "environments[0].env.lock" in stops[0].report.standing.obstacle
    assert stops[-1].report.environment_steps == 100


def test_the_learner_is_as_it_was_and_the_open_episode_is_cut_off(stops):
    first = stops[0]
    built = build(short("stateful_environments:Locked-v0"))
    state = restore(built, first.checkpoint, False, KEY).state
    kept = {name.removeprefix("state/"): array for name, array in first.checkpoint.arrays.items()}
    for name, group in state.agent.groups.items():
        leaves = jax.tree_util.tree_leaves_with_path(group)
        for path, leaf in leaves:
            place = f"agent/groups/{name}/{jax.tree_util.keystr(path, simple=True, separator='/')}"
            assert np.asarray(leaf).tobytes() == kept[place].tobytes()
    assert int(state.num_steps) == 55
    assert kept["episodes/open_return"][0] != 0
    assert state.episodes.open_return.tolist() == [0]
    assert state.episodes.num_finished.tolist() == kept["episodes/num_finished"].tolist() == [5]
    newest = (int(state.agent.replay.num_added) - 1) % 70
    assert state.agent.replay.storage.truncated[newest].all()
    assert state.observation.tolist() != kept["observation"].tolist()


def test_earlier_breaks_stay_in_the_replay_until_they_have_left_it(stops):
    built = build(short("stateful_environments:Locked-v0"))
    for stop, breaks in ((stops[1], [55, 75]), (stops[2], [55, 75])):
        state = restore(built, stop.checkpoint, False, KEY).state
        replay = state.agent.replay
        assert all(replay.storage.truncated[(number - 1) % 70].all() for number in breaks)
    last = stops[2].checkpoint.document["breaks"]
    assert last == [[55, 55], [75, 75]]  # nothing is to come after its last step, so there is no third


def test_exactly_is_refused_where_there_is_no_snapshot(stops):
    built = build(short("stateful_environments:Locked-v0"))
    with pytest.raises(UserError, match="holds no snapshot of environment 'stateful_environments:Locked-v0'"):
        restore(built, stops[0].checkpoint, False, KEY, "exact")


def test_exactly_alone_has_no_checkpoints_where_nothing_can_be_captured():
    reports = run(short("stateful_environments:Locked-v0"), SEED, 5, resume="exact")
    report = next(reports)
    assert report.standing.goes_on == "anew"
    with pytest.raises(UserError, match=r"environments\[0\].env.lock"):
        report.capture()


def test_a_run_that_could_go_on_exactly_takes_fresh_episodes_where_they_are_asked_for(tmp_path):
    """A compiled environment, whose state is in the checkpoint all the same."""
    experiment = short("CartPole-v1")
    checkpoint = Stop(experiment, tmp_path, 55).checkpoint
    built, observation = build(experiment), checkpoint.arrays["state/observation"].tolist()
    exact, fresh = (restore(built, checkpoint, False, KEY, resume) for resume in ("auto", "fresh-episode"))
    assert (exact.breaks, fresh.breaks) == ((), ((55, 55),))
    assert exact.state.observation.tolist() == observation != fresh.state.observation.tolist()
    assert not exact.state.agent.replay.storage.truncated.any()
    assert fresh.state.agent.replay.storage.truncated.sum() == 1


def test_what_environments_remember_over_episodes_goes_on_exactly(tmp_path):
    """In training and in evaluations: in attributes, iterators, classes, modules and both global generators."""
    import stateful_environments as places

    experiment, rows, numbers = short("stateful_environments:Everywhere-v0"), [], None
    for report in run(experiment, SEED, 5):
        rows += [report.evaluation] if report.evaluation else []
        if report.environment_steps == 55:
            captured, attempt = report.capture(), persistence.claim(tmp_path)
            arguments = (captured.arrays, captured.document, captured.ring)
            persistence.write_generation(attempt, persistence.Kept(), 55, *arguments)
            attempt.release()
            numbers = len(rows)
    np.random.seed(77)
    places.random.seed(77)
    places.OnClass.num_episodes, places.EPISODES[0] = 77, 77
    places.OnClass.scores.clear()
    again = Stop(experiment, tmp_path / "again", 100, persistence.read_newest(tmp_path)[0])
    assert again.report.standing.goes_on == "exact"
    timeless = lambda rows: [{**row, "seconds": None} for row in rows]
    assert timeless(again.rows) == timeless(rows[numbers:])
    assert again.report.last_return == report.last_return
