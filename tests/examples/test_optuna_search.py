"""The search with Optuna: killed anywhere it ends as one that nobody killed; what differs is refused in one line."""

import functools
import importlib.util
import itertools
import math
import subprocess
import sys
from pathlib import Path

import pytest

import sparserl
from covering import covering
from sparserl import persistence
from sparserl.engine.claims import claimed
from sparserl.errors import UserError
from sparserl.study import SeedResult, Trained
from waiting import wait_until

optuna = pytest.importorskip("optuna", minversion="5")
optuna.logging.set_verbosity(optuna.logging.WARNING)

EXAMPLE = Path(__file__).parents[2] / "examples" / "optuna_search.py"
spec = importlib.util.spec_from_file_location("optuna_search", EXAMPLE)
assert spec is not None
example = importlib.util.module_from_spec(spec)
sys.modules["optuna_search"] = example  # dataclasses look their module up
spec.loader.exec_module(example)

PLAN = example.Search(total_steps=20_000, num_seeds=2, num_at_once=3, num_random=3)
NUM_TRIALS = 8


class Killed(BaseException):
    """What ends a search at a point, as a signal that nobody can heed would."""


class Trainer:
    """Trains nothing: returns follow from choices and seed; it keeps what has finished, and counts what it has done."""

    def __init__(self, diverges=lambda experiment: False):
        self.diverges, self.done, self.kept = diverges, [], {}

    def __call__(self, experiments, seeds, output):
        return [self._one(each, seeds, Path(output) / each.identifier) for each in experiments]

    def _one(self, experiment, seeds, folder):
        return Trained(experiment, folder, tuple(self._seed(experiment, seed, folder) for seed in seeds))

    def _seed(self, experiment, seed, folder):
        run = experiment.identifier, seed
        if run not in self.kept:
            self.done.append(run)
            if self.diverges(experiment):
                return SeedResult(seed, folder, "diverged", None, "the loss is not finite")
            off = math.log10(experiment.optimizer.learning_rate / 1e-3) ** 2 + (experiment.sparsity - 0.8) ** 2
            self.kept[run] = 500 / (1 + off) + seed
        return SeedResult(seed, folder, "finished", self.kept[run])


def table(study):
    return [(trial.number, trial.state.name, trial.values, trial.params) for trial in study.trials]


def searched(directory, train=None, plan=PLAN, num_trials=NUM_TRIALS, **more):
    """The trials, and the file in which they are written down."""
    study = example.search(plan, num_trials, directory, train=train or Trainer(), say=lambda line: None, **more)
    return table(study), (Path(directory) / "searches" / more.get("name", "search") / "search.json").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return searched(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def killing(monkeypatch):
    """Have everything that a search does beside arithmetic count, and end it at one of these points."""

    def arm(trainer, at):
        points = itertools.count(1)

        def guarded(function):
            def call(*arguments):
                if next(points) == at:
                    raise Killed
                result = function(*arguments)
                if next(points) == at:  # it has been done, and nobody has been told
                    raise Killed
                return result

            return call

        with monkeypatch.context() as patched:
            for name in ("outcome_of", "write", "tell"):
                patched.setattr(example, name, guarded(getattr(example, name)))
            yield guarded(trainer)

    return arm


def test_trials_differ(whole):
    trials, _ = whole
    assert [number for number, *_ in trials] == list(range(NUM_TRIALS))
    assert len({str(params) for *_, params in trials}) == NUM_TRIALS
    assert {state for _, state, *_ in trials} == {"COMPLETE"}


FEW, POINTS = 5, 2 * (2 * 5 + 2 * 2)  # before and after each trial's ask and tell, each batch's training and writing


@pytest.mark.parametrize("at", covering(range(1, POINTS + 2), lambda at: at % 5 == 1 or at > POINTS - 1))
def test_wherever_it_is_killed_it_ends_as_one_that_was_not(tmp_path, whole, killing, at):
    trainer = Trainer()
    for train in killing(trainer, at):
        if at > POINTS:  # there are no more
            searched(tmp_path, train, num_trials=FEW)
        else:
            with pytest.raises(Killed):
                searched(tmp_path, train, num_trials=FEW)
    assert searched(tmp_path, trainer, num_trials=FEW)[0] == whole[0][:FEW]
    assert searched(tmp_path, trainer) == whole
    assert len(trainer.done) == len(set(trainer.done)) == 2 * NUM_TRIALS  # nothing was trained twice


def test_more_trials_go_on_as_if_they_had_been_asked_for_at_once(tmp_path, whole):
    """Also where the first stop was within a batch."""
    trainer = Trainer()
    few, _ = searched(tmp_path, trainer, num_trials=4)
    assert few == whole[0][:4]
    assert searched(tmp_path, trainer) == whole
    again, written = searched(tmp_path, trainer, num_trials=2)
    assert again == whole[0][:2]
    assert written == whole[1]  # fewer forget nothing
    assert len(trainer.done) == 2 * NUM_TRIALS


def test_another_seed_is_another_search(tmp_path, whole):
    other, _ = searched(tmp_path, plan=example.dataclasses.replace(PLAN, seed=1))
    assert other != whole[0]
    with pytest.raises(
        UserError, match=r"search.json is another search: seed is 1 there and 0 here; take another --name"
    ):
        searched(tmp_path)
    assert searched(tmp_path, name="another")[0] == whole[0]


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        ({"num_seeds": 3}, "num_seeds is 2 there and 3 here"),
        ({"environment": "Acrobot-v1"}, 'environment is "CartPole-v1" there and "Acrobot-v1" here'),
        ({"objectives": ("return", "live_parameters")}, r'objectives is \["return"\] there'),
        (
            {"space": {"sparsity": example.FloatDistribution(0.5, 0.9)}},
            "space.method.drop_fraction is .* there and absent",
        ),
        (
            {"space": {**example.SPACE, "sparsity": example.FloatDistribution(0.1, 0.9)}},
            "space.sparsity.attributes.high is 0.98 there and 0.9 here",
        ),
    ],
)
def test_a_search_that_has_changed_is_refused(tmp_path, changed, line):
    searched(tmp_path, num_trials=3)
    with pytest.raises(UserError, match=line):
        searched(tmp_path, plan=example.dataclasses.replace(PLAN, **changed))


def test_trials_that_optuna_would_not_propose_again_are_told(tmp_path):
    """As another version of it may: results of one search and proposals of another are not mixed."""
    searched(tmp_path, num_trials=3)
    folder = tmp_path / "searches" / "search"
    told = example.told_before(folder, PLAN)
    example.write(folder, PLAN, [told[0], {**told[1], "experiment": "dqn-rigl-CartPole-v1-0.5-12345678"}, told[2]])
    with pytest.raises(
        UserError, match=r"trial 1 was dqn-rigl-CartPole-v1-0.5-12345678, and optuna [\d.]+ proposes dqn"
    ):
        searched(tmp_path)


def test_what_diverges_is_told_as_failed_and_stays_so(tmp_path):
    """Otherwise another start, at which it does not, would be proposed other trials from there on."""
    fast = Trainer(diverges=lambda experiment: experiment.optimizer.learning_rate > 1e-3)
    trials, _ = searched(tmp_path, fast)
    failed = [number for number, state, values, _ in trials if state == "FAIL"]
    assert 0 < len(failed) < NUM_TRIALS
    assert all(values is None for _, state, values, _ in trials if state == "FAIL")
    for entry in (told := example.told_before(tmp_path / "searches" / "search", PLAN)):
        assert entry["failed"] in (None, "seed 0 has diverged: the loss is not finite")
    assert [number for number, entry in enumerate(told) if entry["failed"]] == failed
    healed = Trainer()
    assert searched(tmp_path, healed)[0] == trials
    assert len(healed.done) == 2 * (NUM_TRIALS - len(failed))


def test_a_corner_of_the_space_that_cannot_be_trained_is_a_failed_trial(tmp_path):
    """17,000 updates have no window of 50,000."""
    space = {"method.window.interval_updates": example.IntDistribution(1_000, 50_000)}
    trainer = Trainer()
    trials, _ = searched(tmp_path, trainer, example.dataclasses.replace(PLAN, space=space))
    told = example.told_before(tmp_path / "searches" / "search", example.dataclasses.replace(PLAN, space=space))
    lines = [entry["failed"] for entry in told if entry["experiment"] is None]
    assert lines
    assert all(line.startswith("method.window.interval_updates is ") for line in lines)
    assert [state for _, state, *_ in trials].count("FAIL") == len(lines)
    assert len(trainer.done) == 2 * (NUM_TRIALS - len(lines))


def test_several_objectives(tmp_path):
    plan = example.dataclasses.replace(PLAN, objectives=("return", "live_parameters"))
    study = example.search(plan, NUM_TRIALS, tmp_path, train=Trainer(), say=lambda line: None)
    for trial in study.trials:
        described = sparserl.describe(plan.experiment(trial.params))
        assert trial.values[1] == sum(each["live_parameters"] for each in described["networks"].values())
    front = {trial.number for trial in study.best_trials}
    assert front == {
        one.number
        for one in study.trials
        if not any(
            other.values[0] >= one.values[0] and other.values[1] <= one.values[1] and other.values != one.values
            for other in study.trials
        )
    }


def test_hopeless_trials_lose_their_further_seeds(tmp_path):
    plan, trainer = example.dataclasses.replace(PLAN, prune=True, num_seeds=3), Trainer()
    trials, written = searched(tmp_path, trainer, plan, num_trials=18)
    pruned = [number for number, state, *_ in trials if state == "PRUNED"]
    assert pruned
    assert min(pruned) >= 5  # the pruner's own warm-up
    assert len(trainer.done) < 3 * 18
    counted = len(trainer.done)
    assert searched(tmp_path, trainer, plan, num_trials=18) == (trials, written)
    assert len(trainer.done) == counted


def test_a_method_without_a_drop_fraction_is_searched_without(tmp_path):
    trials, _ = searched(tmp_path, plan=example.dataclasses.replace(PLAN, method="static"), num_trials=2)
    assert trials[0][3].keys() == {"optimizer.learning_rate", "sparsity"}


def test_what_is_fixed_is_not_searched(tmp_path, monkeypatch):
    """As the command line reads it: values are JSON, or words."""
    trained = []

    def train(experiments, seeds, output):
        trained.extend(experiments)
        return Trainer()(experiments, seeds, output)

    monkeypatch.setattr(example, "search", functools.partial(example.search, train=train))
    words = ["--fixed", "network.hidden_units=[64, 32]", "sparsity=0.9", "distribution=uniform"]
    assert example.main([*words, "--num-trials", "2", "--output", str(tmp_path)]) == 0
    assert {(each.network.hidden_units, each.sparsity, each.distribution) for each in trained} == {
        ((64, 32), 0.9, "uniform")
    }
    assert len({each.optimizer.learning_rate for each in trained}) == 2


def test_a_search_that_somebody_else_makes_is_refused(tmp_path):
    (tmp_path / "searches" / "search").mkdir(parents=True)
    with claimed(tmp_path / "searches" / "search"), pytest.raises(UserError, match="process"):
        searched(tmp_path)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--environment", "CartPale-v1"], "did you mean 'CartPole-v1'?"),
        (
            ["--objectives", "returns"],
            "objectives is 'returns': choose return or live_parameters; did you mean 'return'?",
        ),
        (["--objectives", "return", "live_parameters", "--prune"], "Optuna prunes by one objective alone"),
        (["--num-trials", "0"], "num_trials is 0: it must be at least 1"),
        (["--num-seeds", "0"], "num_seeds is 0: it must be at least 1"),
        (["--name", "../elsewhere"], "name is '../elsewhere': it is that of a folder"),
        (["--method", "rigle"], "did you mean 'rigl'?"),
        (["--total-steps", "0"], "total_steps is 0: it must be at least 1"),
        (["--fixed", "network.hiden_units=[64]"], "did you mean 'network.hidden_units'?"),
        (["--fixed", "network.hidden_units=wide"], "network.hidden_units is 'wide'"),
    ],
)
def test_mistakes_are_told_in_one_line(tmp_path, capsys, words, line):
    assert example.main([*words, "--output", str(tmp_path / "results")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("optuna_search: ")
    assert told.err.rstrip().endswith(line) or line in told.err
    assert len(told.err.splitlines()) == 1


@pytest.mark.processes
@pytest.mark.thorough
def test_a_real_search_that_is_killed_ends_as_one_that_was_not(tmp_path):
    """With -9, while its runs train; trials, values and files are those of one in peace, bit for bit."""
    words = [
        "--num-trials",
        "3",
        "--num-seeds",
        "1",
        "--num-at-once",
        "2",
        "--num-random",
        "1",
        "--total-steps",
        "2600",
    ]
    command = [sys.executable, str(EXAMPLE), *words, "--output"]
    killed, peace = tmp_path / "killed", tmp_path / "peace"
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL)
    wait_until(lambda: any(killed.glob("*/seed=0/evaluations.parquet")) or process.poll() is not None)
    process.kill()
    process.wait()
    printed = [
        subprocess.run([*command, str(each)], capture_output=True, text=True, check=True).stdout
        for each in (killed, peace)
    ]
    assert printed[0] == printed[1]
    assert "best: trial" in printed[0]
    tables = [persistence.read_evaluations(each).drop_columns(["seconds"]) for each in (killed, peace)]
    assert tables[0] == tables[1]
