"""Atari beside ale-py's own environment in Gymnasium's wrappers; snapshots in a new process; names and mistakes."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from ale_py.env import AtariEnv
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

from sparserl.environments import ATARI_15, AtariEnvironment, Snapshot, atari, environment_names, games, make
from sparserl.environments.console import Console
from sparserl.environments.host import seeds
from sparserl.training.hosted import Hosted
from sparserl.types import Discrete, UserError
from waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

COUNTS = json.loads((Path(__file__).parent.parent / "data" / "expected_counts.json").read_text())

# What a new process does: no more than to restore and to step. Every second environment was used before.
PROGRAM = """
import json, sys
from pathlib import Path
import jax, numpy as np
from sparserl.environments import Snapshot, make

for number, folder in enumerate(sorted(Path(sys.argv[1]).iterdir())):
    document, actions = json.loads((folder / "document.json").read_text()), np.load(folder / "actions.npy")
    environment = make(document["identifier"], actions.shape[1])
    if number % 2:
        environment.reset(jax.random.key(5))
        for action in actions[:9]:
            environment.step(None, None, action)
    environment.restore(Snapshot(document, dict(np.load(folder / "arrays.npz"))))
    steps = [environment.step(None, None, action)[1] for action in actions]
    np.savez(folder / "steps.npz", **{name: np.stack([getattr(s, name) for s in steps]) for name in steps[0]._fields})
"""


def actions_of(environment, num_steps, seed=0):
    return np.random.default_rng(seed).integers(
        0, environment.spec.action.num_actions, (num_steps, environment.num_envs), np.int32
    )


def played(environment, actions):
    steps = [environment.step(None, None, action)[1] for action in actions]
    return {name: np.stack([getattr(step, name) for step in steps]) for name in steps[0]._fields}


def begun(identifier, num_envs=1, num_steps=0, key=3):
    environment = make(identifier, num_envs)
    environment.reset(jax.random.key(key))
    for action in actions_of(environment, num_steps, seed=1):
        environment.step(None, None, action)
    return environment


def same(one, other):
    return all(one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes() for name in one)


class Reference:
    """One game as ale-py and Gymnasium play it, with the action repeated at random by ALE itself."""

    def __init__(self, identifier):
        self.emulated = AtariEnv(games.rom(identifier).stem, frameskip=1, repeat_action_probability=0.25)
        small = AtariPreprocessing(self.emulated, noop_max=0, frame_skip=4, screen_size=84, grayscale_obs=True)
        self.environment = FrameStackObservation(small, 4, padding_type="zero")

    def seeded(self, seed):
        self.emulated.ale.setInt("random_seed", np.uint32(seed).astype(np.int32))
        self.emulated.load_game()
        return self.begun()

    def begun(self):
        return self.environment.reset()[0].transpose(1, 2, 0)

    def stepped(self, action):
        frames, reward, terminated, _, _ = self.environment.step(action)
        return frames.transpose(1, 2, 0), reward, terminated


@pytest.mark.parametrize(
    ("name", "num_envs", "num_steps", "ends"),
    [
        ("Pong", 1, 500, False),
        ("Breakout", 2, 250, True),
        ("MsPacman", 1, 480, True),
        ("Pacman", 1, 150, False),
        ("Carnival", 1, 150, False),
    ],
)
def test_frame_for_frame_beside_gymnasium(name, num_envs, num_steps, ends):
    """A joystick, a paddle and three heights of screens; over ends of games, and with new seeds after use."""
    identifier, num_ends = games.PREFIX + name, 0
    environment, references = make(identifier, num_envs), [Reference(identifier) for _ in range(num_envs)]
    for key in (jax.random.key(0), jax.random.key(1)):
        _, observation = environment.reset(key)
        expected = [one.seeded(seed) for one, seed in zip(references, seeds(key, num_envs), strict=True)]
        np.testing.assert_array_equal(observation, expected)
        for action in actions_of(environment, num_steps):
            _, step = environment.step(None, None, action)
            frames, rewards, ended = zip(*map(Reference.stepped, references, action), strict=True)
            np.testing.assert_array_equal(step.next_observation, frames)
            np.testing.assert_array_equal(step.reward, rewards)
            np.testing.assert_array_equal(step.terminated, ended)
            assert not step.truncated.any()
            going_on = [one.begun() if end else seen for one, seen, end in zip(references, frames, ended, strict=True)]
            np.testing.assert_array_equal(step.observation, going_on)
            num_ends += sum(ended)
    assert (num_ends > 0) == ends


def test_what_an_agent_may_know_of_the_papers_games():
    counts = COUNTS["atari_minimal_action_counts"]
    assert [name.removeprefix("atari:") for name in ATARI_15] == list(counts)
    for identifier in ATARI_15:
        spec = make(identifier, 1).spec
        assert spec.action == Discrete(counts[identifier.removeprefix("atari:")])
        assert (spec.identifier, spec.observation_shape, spec.observation_dtype) == (identifier, (84, 84, 4), np.uint8)
        assert (spec.time_limit_steps, spec.stacked_frames) == (27_000, 4)


def test_the_time_is_up(monkeypatch):
    monkeypatch.setattr(atari, "TIME_LIMIT_STEPS", 30)
    environment = begun("atari:Pong", 2)
    steps = played(environment, actions_of(environment, 65))
    assert np.flatnonzero(steps["truncated"].all(1)).tolist() == [29, 59]
    assert (steps["truncated"].sum(), steps["terminated"].sum()) == (4, 0)
    assert not steps["observation"][29, ..., :3].any()
    assert steps["observation"][29, ..., 3].any()
    assert steps["next_observation"][29].any((1, 2)).all(), "four frames, of the episode that ends"
    np.testing.assert_array_equal(steps["observation"][30, ..., 2], steps["observation"][29, ..., 3])


def test_consoles_have_random_numbers_of_their_own_which_the_key_decides():
    environment = begun("atari:Breakout", 2, 40, key=1)
    actions = np.repeat(actions_of(environment, 120)[:, :1], 2, axis=1)
    _, first = environment.reset(jax.random.key(4))
    steps = played(environment, actions)
    np.testing.assert_array_equal(first[0], first[1])
    assert (steps["observation"][:, 0] != steps["observation"][:, 1]).any(), "their actions stick alike"
    environment.reset(jax.random.key(4))
    assert same(steps, played(environment, actions))
    environment.reset(jax.random.key(5))
    assert not same(steps, played(environment, actions))


def test_actions_stick_by_the_numbers_of_the_seed_and_none_outlives_a_game():
    """Two numbers a frame, as ALE draws them; where the first is below a quarter, the action before it stays."""
    console = Console(games.rom("atari:Pong"))
    numbers = iter(np.random.RandomState(7).randint(0, 2**32, (2 * 50 * 4, 2), np.uint32)[:, 0] / 2**32)
    console.seed(7)
    for _ in range(2):
        console.begin()
        pressed = 0
        for action in (np.arange(50) % 5 + 1).tolist():
            console.act(action)
            for held in console._pressed[-4:]:
                pressed = action if next(numbers) >= 0.25 else pressed
                assert held == pressed
    begun_stuck = 0
    for seed in range(20):
        console.seed(seed)
        console.begin()
        console.act(3)
        begun_stuck += console._pressed[0] == 0
    assert begun_stuck == sum(np.random.RandomState(seed).randint(2**32, dtype=np.uint32) < 2**30 for seed in range(20))


def test_returned_arrays_stay_as_they_are_and_nothing_depends_on_them():
    environment, plain = begun("atari:Breakout", 2), begun("atari:Breakout", 2)
    actions = actions_of(environment, 200)
    expected = played(plain, actions)
    assert expected["terminated"].any()
    kept = []
    for action in actions:
        _, step = environment.step(None, None, action)
        kept.append((step, [field.tobytes() for field in step]))
    assert all(field.tobytes() == bytes_ for step, all_ in kept for field, bytes_ in zip(step, all_, strict=True))
    again = begun("atari:Breakout", 2)
    for number, action in enumerate(actions):
        _, step = again.step(None, None, action)
        np.testing.assert_array_equal(step.observation, expected["observation"][number])
        for field in step:
            field[...] = 1


def test_inside_a_compiled_program():
    environment, plain = begun("atari:Breakout", 2), begun("atari:Breakout", 2)
    actions = actions_of(environment, 20)
    hosted = Hosted(environment)
    scan = jax.jit(lambda actions: jax.lax.scan(lambda _, action: hosted.step(None, None, action), None, actions)[1])
    assert same(played(plain, actions), hosted.run(scan, actions)._asdict())


CASES = {name: (f"atari:{name}", num_envs) for name, num_envs in (("Breakout", 2), ("MsPacman", 1), ("Qbert", 1))}


@pytest.fixture(scope="module")
def continued(tmp_path_factory):
    """What each case led to here, and in one new process that had only files: numbers, and JSON."""
    root, here = tmp_path_factory.mktemp("snapshots"), {}
    for name, (identifier, num_envs) in CASES.items():
        environment = begun(identifier, num_envs, 77)
        document, arrays = environment.snapshot()
        actions = actions_of(environment, {"Breakout": 200, "MsPacman": 480, "Qbert": 400}[name])
        (folder := root / name).mkdir()
        (folder / "document.json").write_text(json.dumps(document, allow_nan=False))
        np.savez(folder / "arrays.npz", **arrays)
        np.save(folder / "actions.npy", actions)
        here[name] = played(environment, actions)
    command = [sys.executable, "-c", PROGRAM, str(root)]
    done = subprocess.run(
        command,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=PATIENCE_SECONDS,
    )
    return here, {name: dict(np.load(root / name / "steps.npz")) for name in CASES}, done


@pytest.mark.parametrize("name", CASES)
def test_a_new_process_goes_on_bit_for_bit(name, continued):
    here, there, _ = continued
    assert same(here[name], there[name])
    assert here[name]["terminated"].any(), "no game ended on the way"


def test_ale_says_nothing(continued):
    _, _, done = continued
    assert (done.stdout, done.stderr) == (b"", b"")


def test_snapshots_change_nothing_hold_all_and_are_numbers_in_one_row():
    environment, plain = begun("atari:MsPacman", 2, 50), begun("atari:MsPacman", 2, 50)
    first = environment.snapshot()
    actions = actions_of(environment, 60)
    steps = played(environment, actions)
    assert same(steps, played(plain, actions))
    environment.restore(first)
    second = environment.snapshot()
    assert first.document == second.document
    assert first.arrays.keys() == second.arrays.keys()
    assert same(first.arrays, second.arrays)
    assert same(steps, played(environment, actions))
    assert environment.snapshot_obstacle() is None
    for array in first.arrays.values():
        assert (array.ndim, array.flags.c_contiguous, array.dtype.kind) == (1, True, "u")


def forget(snapshot, name):
    document, arrays = snapshot
    [node] = document["environments"]
    if name in node:
        return Snapshot({**document, "environments": [{**node, name: 0}]}, arrays)
    [full] = [one for one in arrays if one.endswith(name)]
    return Snapshot(document, {**arrays, full: np.zeros_like(arrays[full])})


@pytest.mark.parametrize("name", ["random_position", "random", "episode_steps", "pooled", "stacks"])
def test_all_that_is_in_a_snapshot_is_needed(name, monkeypatch):
    """Of each there is a step that goes wrong without it: for `pooled`, one in which the game ends early."""
    monkeypatch.setattr(atari, "TIME_LIMIT_STEPS", 40 if name == "episode_steps" else 27_000)
    environment, other = begun("atari:Breakout", key=2), make("atari:Breakout", 1)
    for action in actions_of(environment, 700):
        before = environment.snapshot()
        _, expected = environment.step(None, None, action)
        if name == "pooled" and not expected.terminated:
            continue
        if name == "episode_steps" and not expected.truncated:
            continue
        went_on = []
        for snapshot in (before, forget(before, name)):
            other.restore(snapshot)
            went_on.append(same(other.step(None, None, action)[1]._asdict(), expected._asdict()))
        assert went_on[0]
        if not went_on[1]:
            return
    raise AssertionError("nobody missed it")


@pytest.mark.parametrize("name", ["before", "pressed", "state"])
def test_a_game_that_goes_elsewhere_when_played_again_is_refused(name):
    environment = begun("atari:Breakout", num_steps=30)
    with pytest.raises(UserError, match="does not fit environment 'atari:Breakout'"):
        environment.restore(forget(environment.snapshot(), name))


@pytest.mark.parametrize("identifier", ["atari:Qbert", "atari:TicTacToe3D"])
def test_frames_that_are_not_yet_full_are_there_again(identifier):
    """As right after a reset of Qbert, and while TicTacToe3D thinks: ALE's own states do not have them."""
    environment, other = begun(identifier, key=0), make(identifier, 1)
    for action in actions_of(environment, 40):
        other.restore(environment.snapshot())
        one, same_one = (each.step(None, None, action)[1]._asdict() for each in (environment, other))
        assert same(one, same_one)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"identifier": "atari:Boxing"}, r"is of environment 'atari:Boxing', not of 'atari:Pong'$"),
        ({"num_envs": 2}, r"is of 2 environments 'atari:Pong', not of 1$"),
        ({"format": 99}, r"has format 99: this sparserl restores format"),
        ({"versions": {"ale-py": "0.0"}}, r"was taken with ale-py 0\.0, here is 0\.12\.\d+: only the same version"),
        ({"environments": []}, r"the snapshot does not fit environment 'atari:Pong': IndexError"),
    ],
)
def test_a_snapshot_of_others_is_refused(change, line):
    environment = begun("atari:Pong")
    document, arrays = environment.snapshot()
    assert document["versions"].keys() == {"ale-py"}
    with pytest.raises(UserError, match=line):
        environment.restore(Snapshot({**document, **change}, arrays))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("atari:Pog", 1), r"is 'atari:Pog': ale-py has no such game; .* did you mean 'atari:Pong'\?$"),
        (("atari:pong", 1), r": it is asked for as atari:Pong$"),
        (("atari:space_invaders", 1), r": it is asked for as atari:SpaceInvaders$"),
        (("atari:PongNoFrameskip-v4", 1), r": it is asked for as atari:Pong$"),
        (("atari:", 1), r"is 'atari:': ale-py has no such game; `sparserl environments` lists all"),
        (("atari:Pong", 0), r"num_envs is 0: at least 1 is needed$"),
        (("atari:Pong", 1, "compiled"), r"is 'atari:Pong': it is not a compiled one; "),
        (("Pong", 1), r"^environment is 'Pong': it is asked for as atari:Pong$"),
        (("ALE/Pong-v5", 1), r"^environment is 'ALE/Pong-v5': it is asked for as atari:Pong$"),
        (("PongNoFrameskip-v4", 1), r"is asked for as atari:Pong$"),
        (("MsPacman-ramDeterministic-v0", 1), r"is asked for as atari:MsPacman$"),
        (("Mine/Pong-v9", 1), r"is 'Mine/Pong-v9': it is not registered in Gymnasium"),
        (("Asterix-v1", 1), r"is asked for as atari:Asterix or MinAtar/Asterix-v1$"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, line):
    with pytest.raises(UserError, match=line) as caught:
        make(*arguments)
    assert "\n" not in str(caught.value)


def test_where_ale_py_is_not_installed_that_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "ale_py", None)
    line = r"^environment is 'atari:No': it needs a package that is not installed: pip install 'sparserl\[atari\]'$"
    with pytest.raises(UserError, match=line):
        make("atari:No", 1)
    assert not [name for name in environment_names() if name.startswith("atari:")]
    with pytest.raises(UserError, match="'ALE/Pong-v5': it is asked for as atari:Pong"):
        make("ALE/Pong-v5", 1)


def test_names_are_the_games_of_one_player_and_not_gymnasiums():
    names = environment_names()
    of_atari = [name for name in names if name.startswith("atari:")]
    assert names[-len(of_atari) :] == tuple(of_atari), "they come last"
    assert set(ATARI_15) < set(of_atari)
    assert {"atari:TicTacToe3D", "atari:YarsRevenge"} < set(of_atari)
    assert "atari:Combat" not in of_atari
    assert not [name for name in names if "ALE/" in name or "NoFrameskip" in name]
    assert importlib.util.find_spec("ale_py")
    assert isinstance(make("atari:Pong", 1, "host"), AtariEnvironment)
