"""Experiments trained from Python: what is stored, what is done again, what is told, what is refused."""

import json

import pytest

import sparserl
from engine import fake_worker
from engine.fake_worker import tries
from sparserl import persistence, study
from sparserl.engine.retries import Retries
from sparserl.engine.settings import Settings
from sparserl.errors import DiskFull, UserError
from sparserl.processes.outcomes import NO_ROOM, Outcome
from sparserl.study import experiments as door

FAKE = Settings(program=(fake_worker.HERE,), stop_seconds=60.0)
QUICK = Retries(first_seconds=0.05, factor=2.0, busy_seconds=0.1)


def small(sparsity=0.9, method="rigl", **choices):
    return sparserl.from_preset(
        "dqn", method, "CartPole-v1", sparsity=sparsity, total_steps=3_000, **{"network.hidden_units": [16], **choices}
    )


def folder_of(directory, experiment, seed):
    return persistence.RunId(sparserl.planned(experiment).identifier, seed).folder(directory)


def to_do(directory, experiment, seed, *words):
    """Have the fake worker of a run do these things."""
    folder = folder_of(directory, experiment, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(words))
    return folder


def stored(directory, experiment, seed, status="finished", final_return=None, message=""):
    """A run that is over, as its worker left it."""
    folder = folder_of(directory, experiment, seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint").mkdir()
    persistence.write_status(folder, persistence.Status(status, 3_000, message, final_return))
    return folder


@pytest.fixture
def no_engine(monkeypatch):
    def start(*arguments):
        pytest.fail("an engine was started")

    monkeypatch.setattr(door.cluster, "connected", start)


def test_what_stands_at_the_door():
    for name in study.__all__:
        assert getattr(study, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'grd'"):
        _ = study.grd


@pytest.mark.processes
def test_each_seed_ends_as_it_does_and_what_is_over_is_not_done_again(tmp_path):
    rigl, static, news = small(), small(method="static"), []
    finishes, diverges = to_do(tmp_path, rigl, 0, "finish"), to_do(tmp_path, rigl, 7, "diverge")
    raises, recovers = to_do(tmp_path, static, 0, "raise"), to_do(tmp_path, static, 7, "crash", "finish")
    train = lambda: sparserl.train(
        [rigl, static, rigl], (0, 7), tmp_path, preset="paper", tell=news.append, settings=FAKE, retries=QUICK
    )
    first, second, third = train()
    assert first == third
    assert [(each.seed, each.folder, each.ending, each.message) for each in (*first.seeds, *second.seeds)] == [
        (0, finishes, "finished", ""),
        (7, diverges, "diverged", "the loss is not finite"),
        (0, raises, "failed", "ValueError: the arm fell off"),
        (7, recovers, "finished", ""),
    ]
    assert first.experiment == sparserl.planned(rigl)
    assert first.folder == finishes.parent
    assert first.problem == "seed 0 has finished: its return is not finite"  # this worker stores none
    assert {each.kind for each in news} >= {"started", "retry", "ended"}
    document = persistence.read_experiment(first.folder)
    assert document["choices"] == persistence.documents.plain(first.experiment.choices())
    assert document["facts"]["preset"] == "paper"
    counted = {run: len(tries(run)) for run in (finishes, diverges, raises, recovers)}
    assert train()[0] == first
    again = {run: len(tries(run)) - before for run, before in counted.items()}
    assert again == {finishes: 0, diverges: 0, raises: 2, recovers: 0}  # what has failed has better days, perhaps


def test_results_that_are_there_start_no_engine(tmp_path, no_engine):
    """Nor does another spelling of a dense network, which is the same experiment."""
    dense = small(method="dense", sparsity=0.0)
    stored(tmp_path, dense, 3, final_return=99.5)
    stored(tmp_path, dense, 1, "diverged", message="the loss is not finite")
    [trained] = sparserl.train([small(method="dense", sparsity=0.5)], [3, 1], str(tmp_path))
    assert trained.final_returns == {3: 99.5, 1: None}
    assert trained.problem == "seed 1 has diverged: the loss is not finite"
    [finished] = sparserl.train([dense], [3], tmp_path)
    assert finished.problem is None


def test_on_a_gpu_kernels_are_masked(tmp_path, no_engine, monkeypatch):
    """Compressed ones are for CPUs; an experiment that asks for them by name is taken at its word."""
    monkeypatch.setattr(door, "refuse_without_gpu", lambda: None)
    wide = small(0.98, **{"network.hidden_units": [512, 512]})
    masked = small(0.98, **{"network.hidden_units": [512, 512], "storage": "masked"})
    stored(tmp_path, masked, 0, final_return=1.0)
    [trained] = sparserl.train([wide], [0], tmp_path, settings=Settings(gpu=True))
    assert trained.experiment.storage == "masked"
    assert trained.final_returns == {0: 1.0}


@pytest.mark.parametrize(("status", "kind"), [(2, UserError), (NO_ROOM, DiskFull)])
def test_what_says_nothing_of_an_experiment_is_raised(tmp_path, monkeypatch, status, kind):
    """A request that is wrong, as on another class of machine, and a full disk: no result, and none to learn from."""

    def run(client, folders, *others, **more):
        return [Outcome(folder, "wrong", status, "sparserl: what it was", 0) for folder in folders]

    monkeypatch.setattr(door.engine, "run", run, raising=False)
    with pytest.raises(kind, match=r"^dqn-rigl-CartPole-v1-0.9-[0-9a-f]{8}/seed=0: what it was$"):
        sparserl.train([small()], output=tmp_path, num_workers=1)


@pytest.mark.parametrize(
    ("experiments", "seeds", "line"),
    [
        ("one", (0,), "experiments: it is of type Experiment: give several"),
        (["rigl"], (0,), r"experiments\[0\]: it is of type str, and must be an Experiment"),
        ([], 5, r"seeds is 5: give several, as in range\(5\)"),
        ([], "01", "seeds is '01': give several"),
        ([], (), "give at least one"),
        ([], (1, 2, 1), "it holds 1 twice"),
        ([], (0, -1), r"seeds\[1\] is -1: it must be a whole number from 0 to"),
        ([], (0.5,), r"seeds\[0\] is 0.5"),
    ],
)
def test_what_cannot_be_trained(tmp_path, no_engine, experiments, seeds, line):
    with pytest.raises(UserError, match=line):
        sparserl.train(small() if experiments == "one" else experiments, seeds, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_that_cannot_be_run_leaves_nothing_behind(tmp_path, no_engine):
    nowhere = sparserl.from_preset("dqn", "rigl", "CartPale-v1", sparsity=0.9)
    with pytest.raises(UserError, match=r"^experiments\[1\]: .*CartPale.*CartPole-v1"):
        sparserl.train([small(), nowhere], output=tmp_path)
    with pytest.raises(UserError, match=r"preset is 'papers'.*did you mean 'paper'"):
        sparserl.train([small()], output=tmp_path, preset="papers")
    assert list(tmp_path.iterdir()) == []


def test_another_run_in_the_place_of_a_run_is_refused(tmp_path, no_engine):
    identifier = sparserl.planned(small()).identifier
    values = {"string": "dqn", "int64": 0, "double": 0.25}
    row = {field.name: values[str(field.type)] for field in persistence.EVALUATION_SCHEMA}
    copied = persistence.RunId(identifier, 1).folder(tmp_path)
    persistence.write_table(persistence.EVALUATIONS, copied, [row | {"experiment_id": identifier, "seed": 0}])
    with pytest.raises(UserError, match=r"seed=1 holds .*/seed=0: it was copied, renamed or moved there"):
        sparserl.train([small()], [1], tmp_path)
