"""Search hyperparameters with Optuna, in steps that survive anything: the results directory is the only memory.

    pip install sparserl "optuna>=5"
    python examples/optuna_search.py --num-trials 12                            # about ten minutes on two cores
    python examples/optuna_search.py --num-trials 24                            # goes on from the twelve
    python examples/optuna_search.py --objectives return live_parameters --name front      # returns against size
    sparserl report results                                                     # all that was trained, as ever

Optuna proposes trials and is told their values (ask and tell); `sparserl.train` trains them, each seed in a process of
its own, as many at once as there are cores. Each trial is an experiment, so its runs are kept under the hash of its
choices and never trained twice. Optuna's study is in memory alone: every start asks for trials 0, 1, 2 ... once more,
and tells what the directory knows. With the same seed and the same values the same trials are proposed, so a search
that was killed, in training or between any two lines of this file, goes on to the trials that it would have come to.

Optuna's own storage is not used. A study that is read back, or filled by `add_trial`, proposes other trials than one
that went on: samplers are not stored, and draw numbers at every ask. And a trial that was running when its process was
killed stays so in there for ever, whatever has become of its training.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

try:
    import optuna
except ModuleNotFoundError:
    sys.exit('optuna_search: it needs Optuna: pip install "optuna>=5"')
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution, distribution_to_json
from optuna.trial import Trial, TrialState

import sparserl
from sparserl import persistence
from sparserl.engine.claims import claimed
from sparserl.errors import UserError
from sparserl.experiment import canonical, check, choice_names
from sparserl.report.statistics import interquartile_mean
from sparserl.study import Trained

SPACE: Mapping[str, BaseDistribution] = {  # names are those of `sparserl train --help`, and of any choice there is
    "optimizer.learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
    "sparsity": FloatDistribution(0.5, 0.98, step=0.02),
    "method.drop_fraction": FloatDistribution(0.1, 0.9, step=0.1),
    "method.window.interval_updates": IntDistribution(100, 2_000, step=100),
}
DIGITS = 3  # of a proposal: where another machine rounds the last one otherwise, it would be another experiment
FILE_NAME = "search.json"


def mean_return(trained: Trained) -> float:
    """The interquartile mean of the final returns over seeds; of fewer than four it is their mean."""
    return float(interquartile_mean(list(trained.final_returns.values())))


def live_parameters(trained: Trained) -> float:
    """Weights and biases that are alive at the end of training, which is known without training."""
    return float(sum(each["live_parameters"] for each in sparserl.describe(trained.experiment)["networks"].values()))


OBJECTIVES: Mapping[str, tuple[str, Callable[[Trained], float]]] = {
    "return": ("maximize", mean_return),
    "live_parameters": ("minimize", live_parameters),
}


@dataclasses.dataclass(frozen=True)
class Search:
    """All that decides which trials there are; how many is not among it, so that a search can go on."""

    agent: str = "dqn"
    method: str = "rigl"
    environment: str = "CartPole-v1"
    total_steps: int = 20_000
    num_seeds: int = 2
    num_at_once: int = 4  # trials asked for before the next are told: more keep more cores busy, and learn less
    num_random: int = 6  # trials before the sampler begins to learn
    seed: int = 0  # of the sampler
    objectives: tuple[str, ...] = ("return",)
    prune: bool = False  # after each seed leave out trials below the median, which saves them their further seeds
    space: Mapping[str, BaseDistribution] = dataclasses.field(default_factory=lambda: dict(SPACE))
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)  # choices of all trials beside those above

    def __post_init__(self) -> None:
        if unknown := [name for name in self.objectives if name not in OBJECTIVES]:
            raise UserError(field="objectives", value=unknown[0], allowed=OBJECTIVES)
        if self.prune and len(self.objectives) > 1:
            raise UserError("Optuna prunes by one objective alone", field="prune", value=True)
        for name in ("num_seeds", "num_at_once", "num_random"):
            if getattr(self, name) < 1:
                raise UserError("it must be at least 1", field=name, value=getattr(self, name))

    def distributions(self) -> dict[str, BaseDistribution]:
        """The space, without what is fixed, and what this method does not have, as static has no drop fraction."""
        names = set(choice_names(self.experiment({}))) - self.fixed.keys()
        return {name: each for name, each in self.space.items() if name in names}

    def experiment(self, proposal: Mapping[str, Any]) -> sparserl.Experiment:
        """What a trial trains. Raises UserError for names and values that there are not."""
        rounded = {name: float(f"{v:.{DIGITS}g}") if isinstance(v, float) else v for name, v in proposal.items()}
        named = self.agent, self.method, self.environment
        choices = {"total_steps": self.total_steps, **self.fixed, **rounded}
        return canonical(sparserl.planned(sparserl.from_preset(*named, **choices)))

    def document(self) -> dict[str, Any]:
        """All of it as plain JSON, with the choices that every trial shares."""
        own = {name: value for name, value in vars(self).items() if name != "space"}
        space = {name: json.loads(distribution_to_json(each)) for name, each in self.distributions().items()}
        return persistence.documents.plain({**own, "space": space, "shared": self.experiment({}).choices()})


def show(line: str) -> None:
    print(line, flush=True)  # also where it goes into a file


def search(
    plan: Search,
    num_trials: int,
    output: str | Path = "results",
    name: str = "search",
    train: Callable[..., Sequence[Trained]] = sparserl.train,
    say: Callable[[str], None] = show,
) -> optuna.Study:
    """Optuna's study of the first `num_trials` trials, those trained that the results directory does not have yet."""
    if num_trials < 1:
        raise UserError("it must be at least 1", field="num_trials", value=num_trials)
    if not name or Path(name).name != name:
        raise UserError("it is that of a folder in `searches`", field="name", value=name)
    directions = [OBJECTIVES[each][0] for each in plan.objectives]
    sampler = optuna.samplers.TPESampler(n_startup_trials=plan.num_random, constant_liar=True, seed=plan.seed)
    pruner = optuna.pruners.MedianPruner() if plan.prune else optuna.pruners.NopPruner()
    study = optuna.create_study(directions=directions, sampler=sampler, pruner=pruner)
    folder, space = persistence.at_home(output) / "searches" / name, plan.distributions()
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder):  # a second search of this name is refused
        told = told_before(folder, plan)
        while len(study.trials) < num_trials:
            batch = [study.ask(space) for _ in range(min(plan.num_at_once, num_trials - len(study.trials)))]
            known = {trial.number: told[trial.number] for trial in batch if trial.number < len(told)}
            outcomes = [outcome_of(plan, trial, known.get(trial.number)) for trial in batch]
            train_all(plan, batch, outcomes, output, train)
            if len(known) < len(batch):
                told += [each.entry for each in outcomes[len(known) :]]
                write(folder, plan, told)
            for trial, outcome in zip(batch, outcomes, strict=True):
                tell(study, plan, trial, outcome)
                say(line(study.trials[trial.number], outcome))
    return study


@dataclasses.dataclass
class Outcome:
    """What has become of a trial so far."""

    experiment: sparserl.Experiment | None
    failed: str | None = None  # why it has no value: it cannot be trained, or a seed of it has diverged or failed
    pruned: bool = False
    trained: Trained | None = None

    @property
    def entry(self) -> dict[str, Any]:
        """What is written down of it: the values are in the experiment's own results."""
        return {"experiment": self.experiment and self.experiment.identifier, "failed": self.failed}


def outcome_of(plan: Search, trial: Trial, known: Mapping[str, Any] | None) -> Outcome:
    """What is known of a trial before training. Raises UserError where it is another than it was."""
    try:
        outcome = Outcome(check(plan.experiment(trial.params)))  # a corner of the space may be none
    except UserError as error:
        outcome = Outcome(None, str(error))
    if known is not None:
        if outcome.entry["experiment"] != known["experiment"]:
            raise UserError(
                f"trial {trial.number} was {known['experiment']}, and optuna {optuna.__version__} proposes "
                f"{outcome.entry['experiment']}: go on with the versions that began the search, or take another --name"
            )
        outcome.failed = known["failed"]  # what has failed is told as it was, or others would have been proposed
    return outcome


def train_all(
    plan: Search,
    batch: Sequence[Trial],
    outcomes: Sequence[Outcome],
    output: str | Path,
    train: Callable[..., Sequence[Trained]],
) -> None:
    """Train what a batch asks for; seed by seed where hopeless trials are to be left out in between."""
    for num_seeds in range(1, plan.num_seeds + 1) if plan.prune else (plan.num_seeds,):
        going = [(t, o) for t, o in zip(batch, outcomes, strict=True) if o.failed is None and not o.pruned]
        results = train([o.experiment for _, o in going], range(num_seeds), output) if going else ()
        for (trial, outcome), trained in zip(going, results, strict=True):
            outcome.trained, outcome.failed = trained, trained.problem
            if plan.prune and outcome.failed is None:
                trial.report(mean_return(trained), step=num_seeds)
                outcome.pruned = num_seeds < plan.num_seeds and trial.should_prune()


def tell(study: optuna.Study, plan: Search, trial: Trial, outcome: Outcome) -> None:
    if outcome.failed is not None or outcome.trained is None:
        study.tell(trial, state=TrialState.FAIL)
    elif outcome.pruned:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, [OBJECTIVES[each][1](outcome.trained) for each in plan.objectives])


def told_before(folder: Path, plan: Search) -> list[dict[str, Any]]:
    """What earlier starts have told Optuna, trial by trial. Raises UserError where they searched otherwise."""
    path = folder / FILE_NAME
    if not path.exists():
        return []
    document = persistence.read_document(path)
    if difference := persistence.first_difference(document["search"], plan.document(), "search"):
        where, old, new = difference
        raise UserError(
            f"{path} is another search: {where.removeprefix('search.')} is {old} there and {new} here; take another "
            "--name, in the same --output, where nothing is trained twice"
        )
    return list(document["trials"])


def write(folder: Path, plan: Search, told: Sequence[Mapping[str, Any]]) -> None:
    """Put down what Optuna is about to be told; the file is whole at any time, and checked when it is read."""
    persistence.write_document(folder / FILE_NAME, {"search": plan.document(), "trials": list(told)})


def line(trial: optuna.trial.FrozenTrial, outcome: Outcome) -> str:
    """A trial in one line."""
    short = {name.rpartition(".")[2]: value for name, value in trial.params.items()}
    proposal = "  ".join(
        f"{name}={v:.{DIGITS}g}" if isinstance(v, float) else f"{name}={v}" for name, v in short.items()
    )
    values = "  ".join(f"{value:,.5g}" for value in trial.values or ())
    return f"trial {trial.number:3}  {values or trial.state.name.lower():>12}  {proposal}" + (
        f"  ({outcome.failed})" if outcome.failed else ""
    )


def fixed(word: str) -> tuple[str, Any]:
    """A choice as it is typed, its value as JSON or else a word."""
    name, joint, text = word.partition("=")
    if not joint:
        raise argparse.ArgumentTypeError(f"{word!r} is not NAME=VALUE, as in network.hidden_units=[64,64]")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(Search):
        option = f"--{field.name.replace('_', '-')}"
        if field.name == "objectives":
            parser.add_argument(option, nargs="+", default=field.default, help=", ".join(OBJECTIVES))
        elif field.name == "prune":
            parser.add_argument(option, action="store_true")
        elif field.name == "fixed":
            parser.add_argument(option, nargs="+", default=(), type=fixed, metavar="NAME=VALUE")
        elif field.name != "space":
            parser.add_argument(option, type=type(field.default), default=field.default)
    parser.add_argument("--num-trials", type=int, default=12)
    parser.add_argument("--output", default="results")
    parser.add_argument("--name", default="search", help="of this search; several may share a results directory")
    chosen = vars(parser.parse_args(words))
    others = {name: chosen.pop(name) for name in ("num_trials", "output", "name")}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        plan = {**chosen, "objectives": tuple(chosen["objectives"]), "fixed": dict(chosen["fixed"])}
        study = search(Search(**plan), **others)
    except UserError as error:
        print(f"optuna_search: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("optuna_search: stopped; the same command goes on", file=sys.stderr)
        return 130
    finished = [trial for trial in study.best_trials if trial.values]
    print("best: " + ("; ".join(f"trial {t.number} {t.values}" for t in finished) or "no trial has finished"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
