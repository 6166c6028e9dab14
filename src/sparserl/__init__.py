"""sparserl: sparse neural networks in deep reinforcement learning; train them, study them, ship them.

    experiment = sparserl.from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9)
    for report in sparserl.run(experiment, seed=0):
        print(report.environment_steps, report.last_return)

    sparserl.load("results/EXPERIMENT/seed=0").act(observation)

The names below come from `sparserl.experiment`, and `load` from `sparserl.deploy`. They are loaded on first use,
because JAX takes its time to import.
"""

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it, which takes its time to import, and signals are not heeded before

__all__ = ["Experiment", "__version__", "describe", "from_preset", "load", "planned", "run"]

if TYPE_CHECKING:
    from sparserl.deploy.loading import load
    from sparserl.experiment import Experiment, describe, from_preset, planned, run

    __version__: str
else:  # type checkers shall see a name that is not there

    def __getattr__(name: str) -> object:
        if name == "__version__":
            return import_module("importlib.metadata").version("sparserl")
        if name == "load":
            return import_module("sparserl.deploy.loading").load
        if name in __all__:
            return getattr(import_module("sparserl.experiment"), name)
        raise AttributeError(f"module 'sparserl' has no attribute {name!r}")
