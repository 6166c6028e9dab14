"""Pictures beside those of the libraries whose tasks and games these are, and what is said where there are none."""

import gymnasium
import jax
import matplotlib
import numpy as np
import pytest

from sparserl.environments import HostEnvironment, make_filmed, returned, try_filming
from sparserl.environments.console import FRAME_SKIP, Console
from sparserl.environments.games import rom
from sparserl.environments.minatar import GAMES
from sparserl.environments.pictures import minatar, offscreen, trial
from sparserl.environments.pictures.classic import draws
from sparserl.environments.pictures.filmed import USUAL_FRAMES_PER_SECOND, frames_per_second
from sparserl.environments.pictures.scene import Seen
from sparserl.types import UserError


@pytest.fixture(autouse=True)
def no_screen(monkeypatch):
    for name in ("SDL_VIDEODRIVER", "SDL_AUDIODRIVER"):
        monkeypatch.setenv(name, "dummy")


@pytest.mark.parametrize("name", ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "Pendulum-v1"])
def test_classic_control_looks_as_in_gymnasium(name):
    theirs, ours = (gymnasium.make(name, render_mode="rgb_array") for _ in range(2))
    draw = draws(ours)
    seen, _ = theirs.reset(seed=5)
    theirs.action_space.seed(1)
    action = np.full(theirs.action_space.shape, np.nan)  # before the first step
    for _ in range(9):
        np.testing.assert_array_equal(draw(Seen(None, action, seen, False)), theirs.render())
        action = theirs.action_space.sample()
        seen, *_ = theirs.step(action)
    theirs.close()
    ours.close()


def test_minatar_has_the_colours_of_minatar():
    """Its display's: black, then seaborn's palette "cubehelix", which is matplotlib's at evenly spaced points."""
    num_channels = len(GAMES["MinAtar/Seaquest-v1"].channels)
    planes = np.random.default_rng(0).random((10, 10, num_channels)) < 0.2
    points = [(index + 1) / (num_channels + 1) for index in range(num_channels)]
    colours = [(0, 0, 0), *(matplotlib.colormaps["cubehelix"](point)[:3] for point in points)]
    expected = np.zeros((10, 10, 3))
    for channel in range(num_channels):
        expected[planes[..., channel]] = colours[channel + 1]
    picture = minatar.draw(Seen(None, None, planes, False))
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, np.rint(255 * expected))


def test_an_atari_game_shows_the_brightest_of_its_last_two_screens():
    pytest.importorskip("ale_py")
    filmed, plain = (Console(rom("atari:SpaceInvaders")) for _ in range(2))
    filmed.film()
    for console in (filmed, plain):
        console.seed(3)
        console.begin()
    np.testing.assert_array_equal(filmed.picture(), plain._ale.getScreenRGB())
    for action in (1, 2, 1):
        frame, *_ = filmed.act(action)
        screens = []
        for _ in range(FRAME_SKIP):
            plain._press(action)
            plain._ale.act(plain._actions[plain._pressed[-1]])
            screens.append(plain._ale.getScreenRGB())
        np.testing.assert_array_equal(filmed.picture(), np.maximum(*screens[-2:]))
        assert frame.shape == (84, 84)


def test_a_filmed_environment_plays_as_any_other_and_stays_at_its_end():
    name, key = "shown_environments:Pictured-v0", jax.random.key(2)
    plain, (filmed, picture, pace) = HostEnvironment(name, 2), make_filmed(name, 2)
    assert pace == 7
    np.testing.assert_array_equal(plain.reset(key)[1], filmed.reset(key)[1])
    shades = [picture(None)[0, 0, 0]]
    for _ in range(4):
        steps = [environment.step(None, None, np.zeros(2, np.int32))[1] for environment in (plain, filmed)]
        np.testing.assert_array_equal(steps[0].next_observation, steps[1].next_observation)
        np.testing.assert_array_equal(steps[0].observation[1], steps[1].observation[1])
        shades.append(picture(None)[0, 0, 0])
    assert shades == [0, 1, 2, 3, 4]  # the last moment, too, after which the unfilmed ones have begun anew
    assert steps[1].terminated.all()


@pytest.mark.filterwarnings("ignore:.*The environment creator metadata")  # of Gymnasium, about the bare one
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Windowed", "it does not render: it has no render_mode 'rgb_array', only 'human' and 'ansi'"),
        ("Bare", "it does not render: it has no render_mode 'rgb_array'"),
        ("PicturedPackage", "it needs a package that is not installed: No module named 'a_library_of_windows'"),
        ("PicturedNothing", r"its render returned NoneType, and a picture is expected: numbers \[height, width, 3\]"),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line(name, line):
    with pytest.raises(UserError, match=f"^environment 'shown_environments:{name}-v0' cannot be filmed: {line}$"):
        trial.draw_here(f"shown_environments:{name}-v0")


@pytest.mark.processes
def test_drawing_is_tried_in_another_process(monkeypatch):
    monkeypatch.setattr(trial, "HostEnvironment", None)  # of no use in this one
    try_filming("shown_environments:Pictured-v0")
    with pytest.raises(UserError, match="cannot be filmed: drawing it ended its process with status -6"):
        try_filming("shown_environments:PicturedAbort-v0")


def test_without_opengl_it_is_told_what_to_install(monkeypatch):
    tried = []
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(offscreen, "_works", lambda backend: tried.append(backend))
    with pytest.raises(
        UserError, match=r"MuJoCo cannot draw here; it needs .*apt-get install libegl1.*libosmesa6"
    ) as told:
        offscreen.choose_opengl("HalfCheetah-v5")
    assert tried == ["egl", "osmesa"]
    assert "\n" not in str(told.value)
    monkeypatch.setenv("MUJOCO_GL", "glfw")  # somebody's own choice is the only one
    with pytest.raises(UserError, match="MuJoCo cannot draw here by MUJOCO_GL=glfw; it needs"):
        offscreen.choose_opengl("HalfCheetah-v5")
    assert tried[2:] == ["glfw"]
    monkeypatch.delenv("MUJOCO_GL")
    monkeypatch.setattr(offscreen, "_works", lambda backend: backend == "osmesa")
    assert offscreen.choose_opengl("HalfCheetah-v5") == "osmesa"


@pytest.mark.parametrize(
    ("told", "pace"),
    [({"render_fps": 50}, 50), ({"render_fps": np.float64(12.5)}, 12.5)]
    + [({"render_fps": wrong}, USUAL_FRAMES_PER_SECOND) for wrong in (None, 0, -3, float("nan"), "fast")]
    + [({}, USUAL_FRAMES_PER_SECOND)],
)
def test_the_pace_is_the_environments(told, pace):
    assert frames_per_second(told) == pace


@pytest.mark.parametrize(
    "value",
    [
        np.full((2, 3, 3), 51, np.uint8),
        np.full((2, 3, 4), 51, np.uint8),  # and how opaque it is
        np.full((2, 3, 3), 51, np.int64),
        np.full((2, 3, 3), 51.2),
        np.full((2, 3, 3), 0.2),
    ],
)
def test_pictures_of_many_kinds_are_taken(value):
    picture = returned.picture(value)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, np.full((2, 3, 3), 51))


@pytest.mark.parametrize(
    "value", [None, [], np.zeros((2, 3)), np.zeros((0, 3, 3)), np.zeros((2, 3, 5)), "text", [1, 2]]
)
def test_other_things_are_no_pictures(value):
    with pytest.raises(returned.Unfit, match=r"its render returned .*, and a picture is expected"):
        returned.picture(value)
