"""MinAtar Breakout and Asterix with DQN: dense, static and RigL at 90 %, and the dense network of as many parameters.

    sparserl study run reproduction/pixels_first_light/minatar.py --scale quick --output results/pixels_first_light

Smoke takes a minute; quick, a million frames a run, two hours on two cores; paper takes MinAtar's five million.
"""

from sparserl.study import Figure, Scale, Study
from sparserl.study.grids import grid

GAMES = ("MinAtar/Breakout-v1", "MinAtar/Asterix-v1")
STEPS = {"smoke": 10_000, "quick": 1_000_000, "paper": 5_000_000}
NUM_SEEDS = {"smoke": 1, "quick": 3, "paper": 10}


def study(scale: Scale) -> Study:
    experiments = grid(
        "dqn",
        environments=GAMES,
        sparsities=(0.9,),
        methods=("static", "rigl"),
        total_steps=STEPS[scale],
        **{"evaluation.interval_steps": STEPS[scale] // 40, "evaluation.num_episodes": 30},
    )
    return Study(
        "minatar",
        "Does DQN learn MinAtar with a tenth of its weights?",
        experiments,
        NUM_SEEDS[scale],
        figures=(Figure("minatar", "MinAtar, dense and at 90 %", kind="curves"),),
    )
