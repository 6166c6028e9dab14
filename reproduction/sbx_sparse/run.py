"""All runs of this folder, each a process of an example on one core, a few at a time.

    python reproduction/sbx_sparse/run.py sac OUTPUT [JOBS]

sac: SBX's SAC on HalfCheetah; dqn and ppo: SBX's on CartPole; cleanrl: the DQN in CleanRL's manner. Run it by the
Python of an environment as the example needs it. Runs whose rows are all in OUTPUT are skipped, and one that was
killed is run anew, so what was interrupted is simply started again.
"""

import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"
METHODS, SEEDS = ("dense", "rigl", "static"), (0, 1, 2)
PARTS = {
    "sac": ("sac", "HalfCheetah-v5", 100_000, METHODS),
    "dqn": ("dqn", "CartPole-v1", 20_000, METHODS[:2]),
    "ppo": ("ppo", "CartPole-v1", 20_000, METHODS[:2]),
    "cleanrl": ("cleanrl-dqn", "CartPole-v1", 20_000, METHODS[:2]),
}
ONE_CORE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


def run(algorithm: str, environment: str, num_steps: int, method: str, seed: int, output: Path) -> None:
    """One run, whose log lies beside its rows."""
    output.mkdir(parents=True, exist_ok=True)
    rows = output / f"{algorithm}-{environment}-{method}-{seed}.csv"
    options = ["--method", method, "--seed", seed, "--steps", num_steps, "--output", output]
    script = [EXAMPLES / "sbx_sparse.py", algorithm, environment]
    if algorithm == "cleanrl-dqn":
        if rows.exists():  # it writes them when it has ended
            return
        script = [EXAMPLES / "cleanrl_style_dqn.py", "--environment", environment]
    command = [str(word) for word in (sys.executable, *script, *options)]
    with rows.with_suffix(".log").open("a") as log:
        ended = subprocess.run(command, env={**os.environ, **ONE_CORE}, stdout=log, stderr=log)
    print(rows.stem, "ended" if ended.returncode == 0 else f"failed, see {log.name}", flush=True)


def main() -> None:
    """The runs of a part, seed by seed, so that what there is is even when time runs out."""
    (algorithm, environment, num_steps, methods), output = PARTS[sys.argv[1]], Path(sys.argv[2])
    with ThreadPoolExecutor(int(sys.argv[3]) if len(sys.argv) > 3 else 2) as pool:
        for seed, method in itertools.product(SEEDS, methods):
            pool.submit(run, algorithm, environment, num_steps, method, seed, output)


if __name__ == "__main__":
    main()
