"""`evaluate --video`: what is filmed is what is counted, and nothing that is counted changes."""

import pytest
from PIL import Image

from cli.command import call
from sparserl import video
from sparserl.cli import filming
from sparserl.types import UserError

pytestmark = pytest.mark.processes


def test_the_film_shows_the_first_episode_and_changes_no_return(trained, capsys, tmp_path):
    run, path = trained.folder / "seed=3", tmp_path / "new" / "clip.gif"
    words = ("evaluate", run, "--num-episodes", "12", "--observation-noise", "0.5", "--json")
    plain = call(capsys, *words).document()
    told = call(capsys, *words, "--video", path)
    assert (told.status, told.err) == (0, "")
    document = told.document()
    assert document.pop("video") == str(path)
    filmed = document.pop("filmed")
    assert document == plain
    assert (filmed["observation_noise"], filmed["episode"], filmed["frames_per_second"]) == (0.5, 0, 50)
    assert filmed["is_whole"]
    assert filmed["is_as_counted"]  # the return of the first episode of the evaluation, to the last bit
    assert filmed["episode_return"] == filmed["length_steps"]  # in CartPole
    with Image.open(path) as film:
        assert (film.n_frames, film.size) == (filmed["length_steps"] + 1, (600, 400))
    assert [each.name for each in path.parent.iterdir()] == ["clip.gif"]


def test_a_film_that_fails_costs_nothing_else(trained, capsys, tmp_path, monkeypatch):
    run, path = trained.folder / "seed=3", tmp_path / "clip.gif"

    def broken(*arguments):
        raise UserError("the lamp is broken")

    monkeypatch.setattr(video, "write", broken)
    told = call(capsys, "evaluate", run, "--num-episodes", "2", "--video", path)
    assert (told.status, told.err) == (1, f"sparserl: there is no {path}: the lamp is broken\n")
    assert "mean return" in told.out
    assert list(tmp_path.iterdir()) == []


def test_without_a_name_it_goes_into_the_runs_folder(trained, capsys, monkeypatch):
    made = []
    monkeypatch.setattr(filming, "make", lambda path, take: made.append(path) or _told(path))
    runs = [trained.folder / name for name in ("seed=3", "seed=4")]
    told = call(capsys, "evaluate", *runs, "--video", "--num-episodes", "2")
    assert (told.status, made) == (0, [run / "video.gif" for run in runs])
    assert f"video: {made[1]} (the first episode, return 9 in 9 steps; 10 pictures, 50 a second)" in told.out
    told = call(capsys, "evaluate", *runs, "--video", "clip.gif")
    assert (told.status, told.out) == (2, "")
    assert told.err == (
        "sparserl: --video is 'clip.gif': it names one film, and there are 2 runs: --video alone films each into its "
        "own folder\n"
    )


def _told(path):
    numbers = {"episode_return": 9.0, "length_steps": 9, "num_frames": 10, "frames_per_second": 50.0}
    return {"file": str(path), "observation_noise": 0, "is_whole": True, "is_as_counted": True, **numbers}


@pytest.mark.parametrize(
    ("words", "read"),
    [
        (["RUN", "--video"], ["RUN", "--video="]),
        (["--video", "--json", "RUN"], ["--video=", "--json", "RUN"]),
        (["--video", "a.gif", "RUN"], ["--video", "a.gif", "RUN"]),
        (["--video=a.gif"], ["--video=a.gif"]),
    ],
)
def test_the_name_may_be_left_out(words, read):
    assert filming.with_default(words) == read


def test_what_cannot_be_filmed_is_said_before_anything_is_played(trained, capsys, monkeypatch):
    def refused(experiment):
        raise UserError("environment 'X' cannot be filmed: it does not render")

    monkeypatch.setattr(filming, "try_filming", refused)
    monkeypatch.setattr("sparserl.cli.evaluate._document", None)
    told = call(capsys, "evaluate", trained.folder / "seed=3", "--video", "clip.gif")
    assert (told.status, told.out) == (2, "")
    assert told.err == "sparserl: environment 'X' cannot be filmed: it does not render\n"
    told = call(capsys, "evaluate", trained.folder / "seed=3", "--video", "clip.gfi")
    assert told.err == (
        "sparserl: --video is 'clip.gfi': the name of a film ends in .gif or .mp4; did you mean 'clip.gif'?\n"
    )
