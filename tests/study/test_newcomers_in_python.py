"""What a newcomer mistypes in the quickstart's Python, and a part of the one line that says so, before any compute."""

from typing import Any

import optax
import pytest

import sparserl
from sparserl.deploy.exporting import export
from sparserl.errors import UserError
from sparserl.report import draw_learning_curves

NAMES = ("dqn", "rigl", "CartPole-v1")
EXPERIMENT = sparserl.from_preset(*NAMES, sparsity=0.9, total_steps=3_000)
ADAM: Any = optax.adam(1e-3)


def preset(*words: Any, **choices: Any) -> Any:
    return sparserl.from_preset(*words or NAMES, **choices)


def trained(experiments: Any = (EXPERIMENT,), **choices: Any) -> Any:
    return sparserl.train(experiments, **choices)


def sparse(inner: Any = ADAM, method: Any = "rigl", **choices: Any) -> Any:
    return sparserl.sparsify(inner, method, **{"sparsity": 0.9, "total_updates": 100_000, **choices})


MISTYPED = {
    "agent after method": (lambda: preset("rigl", "dqn", "CartPole-v1"), "agent comes before method: write 'dqn', 'r"),
    "environment before method": (
        lambda: preset("dqn", "CartPole-v1", "rigl"),
        "method is 'CartPole-v1': choose dense",
    ),
    "agent": (lambda: preset("DQN", "rigl", "CartPole-v1"), "did you mean 'dqn'?"),
    "no environment": (lambda: preset("dqn", "rigl", None), "it takes a name, such as 'CartPole-v1'"),
    "sparsity as text": (lambda: preset(sparsity="0.9"), "sparsity is '0.9': it takes a number, as in 0.9"),
    "sparsity in percent": (lambda: preset(sparsity=90), "90 % is 0.9"),
    "several sparsities": (lambda: preset(sparsity=[0.9, 0.95]), "it takes a number"),
    "steps as a float": (lambda: preset(total_steps=1e5), "it takes a whole number, as in 100000"),
    "steps as text": (lambda: preset(total_steps="1e5"), "it takes a whole number, as in 100000"),
    "choice": (lambda: preset(sparcity=0.9), "did you mean 'sparsity'?"),
    "choice of others": (lambda: preset(lr=1e-3), "did you mean 'optimizer.learning_rate'?"),
    "sparsity as the fourth": (lambda: preset(*NAMES, 0.9), "preset is 0.9: choose paper"),
    "one experiment": (lambda: trained(EXPERIMENT), "give several, as in [experiment]"),
    "name of an experiment": (lambda: trained(["dqn"]), "experiments[0]: it is of type str"),
    "number of seeds": (lambda: trained(seeds=5), "seeds is 5: give several, as in range(5)"),
    "seeds as text": (lambda: trained(seeds="3"), "seeds is '3': give several"),
    "half a seed": (lambda: trained(seeds=[0.5]), "seeds[0] is 0.5: it must be a whole number"),
    "seed twice": (lambda: trained(seeds=[0, 0]), "it holds 0 twice"),
    "no seed": (lambda: trained(seeds=[]), "give at least one"),
    "number of retries": (lambda: trained(retries=3), "retries is 3: it takes sparserl.engine's Retries(...)"),
    "settings by name": (lambda: trained(settings={"gpu": True}), "it takes sparserl.engine's Settings(...)"),
    "no workers": (lambda: trained(num_workers=0), "num_workers is 0: it must be a whole number from 1"),
    "output that is no path": (lambda: trained(output=5), "it takes a path, and 5 is of type int"),
    "seed as text": (lambda: next(iter(sparserl.run(EXPERIMENT, seed="0"))), "seed is '0': it must be a whole number"),
    "run of a name": (lambda: next(iter(sparserl.run("dqn", seed=0))), "it is of type str, and must be an Experiment"),
    "description of a name": (lambda: sparserl.describe("dqn"), "it is of type str, and must be an Experiment"),
    "results that are not there": (lambda: sparserl.read_results("nowhere"), "nowhere holds no evaluations"),
    "evaluations of nothing": (lambda: sparserl.read_evaluations(None), "it takes a path, and None is of type None"),
    "policy that is not there": (lambda: sparserl.load("nowhere"), "no run 'nowhere': a run is a folder"),
    "policy of a number": (lambda: sparserl.load(5), "it takes a path, and 5 is of type int"),
    "optimizer that is not made": (lambda: sparse(optax.adam), "call it, as in optax.adam(1e-3)"),
    "optimizer by name": (lambda: sparse("adam"), "such as optax.adam(1e-3)"),
    "method": (lambda: sparse(method="ridgl"), "did you mean 'rigl'?"),
    "sparsity of sparsify in percent": (lambda: sparse(sparsity=90), "90 % is 0.9"),
    "sparsity of sparsify as text": (lambda: sparse(sparsity="0.9"), "a sparsity is a number"),
    "updates as text": (lambda: sparse(total_updates="100000"), "total_updates is '100000'"),
    "no updates": (lambda: sparse(total_updates=None), "total_updates is not given"),
    "curves of nothing": (lambda: draw_learning_curves([]), "there are no evaluations to draw"),
    "export of nothing": (lambda: export("nowhere", "onnx", "x"), "no run 'nowhere'"),
    "format": (lambda: export("nowhere", "onx", "x"), "did you mean 'onnx'?"),
}


@pytest.mark.parametrize(("typed", "told"), MISTYPED.values(), ids=MISTYPED)
def test_what_newcomers_mistype_in_python_is_told_in_one_line(typed, told, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as raised:
        typed()
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_sparserl_has_not_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'frompreset'; did you mean 'from_preset'\?"):
        sparserl.frompreset  # noqa: B018
    assert not hasattr(sparserl, "__path_of_nothing__")
