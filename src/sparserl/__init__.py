"""sparserl: sparse neural networks in deep reinforcement learning; train them, study them, ship them.

    experiment = sparserl.from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9)
    for report in sparserl.run(experiment, seed=0):  # one seed, here
        print(report.environment_steps, report.last_return)

    sparserl.train([experiment], seeds=range(5))  # each seed in a process, stored in results/; what is there is kept
    sparserl.read_results("results").table().to_pandas()

    sparserl.load("results/EXPERIMENT/seed=0").act(observation)

    optimizer = sparserl.sparsify(optax.adam(3e-4), "rigl", sparsity=0.9, total_updates=100_000)  # in code of your own

The names below come from `sparserl.experiment`, `train` from `sparserl.study`, `read_results` from `sparserl.report`,
`read_evaluations` from `sparserl.persistence`, `load` from `sparserl.deploy`, and what goes with `sparsify` from
`sparserl.sparsity`. They are loaded on first use, because JAX takes its time to import.
"""

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it, which takes its time to import, and signals are not heeded before

__all__ = [
    "Experiment",
    "__version__",
    "born_sparse",
    "describe",
    "from_preset",
    "live_weights",
    "load",
    "masked_average",
    "planned",
    "read_evaluations",
    "read_results",
    "run",
    "sparsify",
    "summary",
    "topology",
    "train",
]
_ELSEWHERE = {
    "load": "sparserl.deploy.loading",
    "read_evaluations": "sparserl.persistence",
    "read_results": "sparserl.report.runs",
    "sparsify": "sparserl.sparsity.sparsifying",
    "train": "sparserl.study.experiments",
}
_OF_STATES = {"born_sparse", "live_weights", "masked_average", "summary", "topology"}

if TYPE_CHECKING:
    from sparserl.deploy.loading import load
    from sparserl.experiment import Experiment, describe, from_preset, planned, run
    from sparserl.persistence import read_evaluations
    from sparserl.report.runs import read_results
    from sparserl.sparsity.reading import born_sparse, live_weights, masked_average, summary, topology
    from sparserl.sparsity.sparsifying import sparsify
    from sparserl.study.experiments import train

    __version__: str
else:  # type checkers shall see a name that is not there

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version("sparserl")
        if name in _ELSEWHERE:
            return getattr(import_module(_ELSEWHERE[name]), name)
        if name in _OF_STATES:
            return getattr(import_module("sparserl.sparsity.reading"), name)
        if name in __all__:
            return getattr(import_module("sparserl.experiment"), name)
        if name.startswith("_"):  # what Python itself asks for
            raise AttributeError(f"module 'sparserl' has no attribute {name!r}")
        near = import_module("difflib").get_close_matches(name.casefold(), __all__, 1)
        advice = f"; did you mean {near[0]!r}?" if near else ""
        raise AttributeError(f"module 'sparserl' has no attribute {name!r}{advice}")
