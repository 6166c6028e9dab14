"""Torture: a study is killed again and again, and must end as one that was not.

    python tests/study/torture.py DIR --kills 200 --scale quick [--seed S]

Kills, by turns: workers that die by themselves at a named point (in a commit, between the files of a checkpoint, at an
evaluation, in a chunk that updates the topology), kill -9 and SIGTERM of a random worker of a running engine, kill -9
and SIGTERM of the engine. After each, every evaluation that had been on disk must still be there. Afterwards the study
is finished, and compared with one that nobody touched: the bytes of all final checkpoints, all evaluations, no litter.
"""

import argparse
import dataclasses
import itertools
import json
import os
import random
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from sparserl import persistence
from sparserl.experiment import RESULTS_VERSION
from waiting import wait_until

STUDY = Path(__file__).with_name("every_cell.py")
POINTS = ("commit", "checkpoint", "evaluation", "topology")
SIGNALS = ("worker SIGKILL", "worker SIGTERM", "engine SIGKILL", "engine SIGTERM")
SHARES = (8, 2, 1, 1)  # how often each of these
EVERYTHING = "0.001"  # seconds between checkpoints: one at every report


@dataclasses.dataclass(frozen=True)
class Kill:
    """One kill: of what kind, of which run ("" for the engine), and the steps that the run had stored by then."""

    kind: str
    run: str
    environment_steps: int


class Acknowledged:
    """Every evaluation ever seen on disk; none may be missing later, none may be there twice, none may change."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.rows = directory, dict[tuple, tuple]()
        self.num_lost = self.num_twice = self.num_changed = 0

    def look(self) -> None:
        if not any(self.directory.glob("*/seed=*/evaluations.parquet")):
            return
        rows = [timeless(row) for row in persistence.read_evaluations(self.directory).to_pylist()]
        found = {key(row): tuple(row.values()) for row in rows}
        self.num_twice += len(rows) - len(found)
        self.num_lost += len(self.rows.keys() - found.keys())
        self.num_changed += sum(found[name] != row for name, row in self.rows.items() if name in found)
        self.rows |= found


def timeless(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "seconds"}


def key(row: dict) -> tuple:
    return row["experiment_id"], row["seed"], row["environment_steps"]


def torture(directory: Path, scale: str, num_kills: int, seed: int, tell=print) -> tuple[list[Kill], Acknowledged]:
    """Kill `num_kills` times, or until all runs have finished all the same, then let the study end.

    The study must be stored already, by `store`.
    """
    random_numbers, kills, seen = random.Random(seed), list[Kill](), Acknowledged(directory)
    turns = itertools.cycle((at_points, in_engine))
    while len(kills) < num_kills:
        batch = min(num_kills - len(kills), random_numbers.randint(2, 6))
        new = next(turns)(directory, scale, batch, random_numbers)
        if not new and not unfinished(directory):
            break
        kills += new
        seen.look()
        tell(f"{len(kills)} of {num_kills} kills, {len(unfinished(directory))} runs to finish", flush=True)
    for command in ("retry", "run"):
        done = subprocess.run(engine_command(directory, scale, command), capture_output=True, text=True)
        if done.returncode == 0 and not unfinished(directory):
            break
    seen.look()
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return kills, seen


def torture_in_rounds(
    directory: Path, scale: str, num_kills: int, seed: int, tell=print
) -> list[tuple[Path, list[Kill], Acknowledged]]:
    """Torture one new copy of the study after another until there were `num_kills` kills, and say what each came to.

    A round ends early where all of its runs have finished in spite of all, as they do on fast machines.
    """
    rounds = []
    while (left := num_kills - sum(len(kills) for _, kills, _ in rounds)) > 0:
        copy = directory / f"killed-{len(rounds) + 1}"
        store(copy, scale)
        rounds.append((copy, *torture(copy, scale, left, seed + len(rounds), tell)))
    return rounds


def at_points(directory: Path, scale: str, count: int, random_numbers: random.Random) -> list[Kill]:
    """Workers, two at a time, that die by themselves at a point that they come by."""
    kills = []
    for _ in range(-(-count // 2)):
        runs = random_numbers.sample(unfinished(directory), k=min(2, len(unfinished(directory)), count - len(kills)))
        started = []
        for run in runs:
            updating = run.parent.name.split("-")[1] in ("set", "rigl", "prune")
            point = random_numbers.choice(POINTS if updating else POINTS[:3])
            passes = random_numbers.randint(1, {"commit": 25, "checkpoint": 8, "evaluation": 4, "topology": 4}[point])
            command = [sys.executable, __file__, "--worker", point, str(passes), str(run)]
            paths = os.pathsep.join(filter(None, sys.path))
            environment = {**os.environ, "PYTHONPATH": paths, "SPARSERL_KILL_AT": f"{point}:{passes}"}
            with (run / "log.txt").open("a") as log:
                started.append((point, run, subprocess.Popen(command, env=environment, stdout=log, stderr=log)))
        for point, run, process in started:
            if process.wait() == -signal.SIGKILL:
                kills.append(Kill(point, name_of(run), steps_of(run)))
            elif process.returncode not in (0, 3):
                raise RuntimeError(f"{run} ended with {process.returncode}: {(run / 'log.txt').read_text()[-2000:]}")
    return kills


def in_engine(directory: Path, scale: str, count: int, random_numbers: random.Random) -> list[Kill]:
    """An engine whose workers, and at last which itself, are killed from outside at random moments."""
    kills = []
    engine = subprocess.Popen(
        engine_command(directory, scale, "retry"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while len(kills) < count and engine.poll() is None:
        time.sleep(random_numbers.uniform(0.3, 5.0))
        kind = random_numbers.choices(SIGNALS, SHARES)[0]
        if kind.startswith("engine"):
            if engine.poll() is None and kills:  # not before it has begun to work
                kills.append(Kill(kind, "", 0))
                engine.send_signal(signal.SIGKILL if "KILL" in kind else signal.SIGTERM)
                break
            continue
        working = [run for run in unfinished(directory) if persistence.is_working(run)]
        if working:
            run = random_numbers.choice(working)
            process = persistence.read_lease(run).holder.process_id
            try:
                os.kill(process, signal.SIGKILL if "KILL" in kind else signal.SIGTERM)
            except ProcessLookupError:
                continue
            kills.append(Kill(kind, name_of(run), steps_of(run)))
    if engine.poll() is None:
        engine.send_signal(signal.SIGTERM)
    engine.wait()
    wait_until(lambda: not any(persistence.is_working(run) for run in unfinished(directory)))
    return kills


def store(directory: Path, scale: str) -> None:
    """Store the study with all its experiments, as `study run` does before it begins."""
    from sparserl.study.files import load
    from sparserl.study.stored import stored
    from sparserl.study.storing import store as store_study

    study = load(str(STUDY), scale)
    store_study(directory, study, scale)
    for identifier, seed in stored(directory, study.name, scale).runs:
        (directory / identifier / f"seed={seed}").mkdir(parents=True, exist_ok=True)


def engine_command(directory: Path, scale: str, command: str) -> list[str]:
    name = str(STUDY) if command == "run" else "every_cell"
    words = ["study", command, name, "--scale", scale, "--output", str(directory), "--checkpoint-seconds", EVERYTHING]
    return [sys.executable, "-m", "sparserl", *words]


def unfinished(directory: Path) -> list[Path]:
    runs = sorted(directory.glob("*/seed=*"))
    statuses = {run: persistence.read_status(run) for run in runs}
    return [run for run, status in statuses.items() if status is None or status.status != "finished"]


def name_of(run: Path) -> str:
    return f"{run.parent.name}/{run.name}"


def steps_of(run: Path) -> int:
    status = persistence.read_status(run)
    return status.environment_steps if status else 0


def differences(one: Path, other: Path) -> list[str]:
    """Where two results directories differ in what a study leaves behind, or hold what should have gone; none: []."""
    found = []
    runs = {name_of(run) for directory in (one, other) for run in directory.glob("*/seed=*")}
    for run in sorted(runs):
        for name in ("arrays.safetensors", "document.json"):
            contents = [(directory / run / "checkpoint" / name) for directory in (one, other)]
            if not all(path.exists() for path in contents) or contents[0].read_bytes() != contents[1].read_bytes():
                found.append(f"{run}: {name} differs")
        litter = [path.name for directory in (one, other) for path in (directory / run).iterdir()]
        if odd := set(litter) - {"checkpoint", "evaluations.parquet", "lease.json", "lock", "log.txt", "status.json"}:
            found.append(f"{run}: {sorted(odd)} left behind")
        statuses = {persistence.read_status(directory / run).status for directory in (one, other)}
        if statuses != {"finished"}:
            found.append(f"{run}: {statuses}")
    rows = [
        [timeless(row) for row in persistence.read_evaluations(directory).to_pylist()] for directory in (one, other)
    ]
    if rows[0] != rows[1]:
        found.append("the evaluations differ")
    return found


def die_in_topology_updates(passes: int) -> None:
    """Make this process die at some moment of the chunk number `passes` that comes after the first."""
    from sparserl import training

    usual, chunks = training.train, 0

    def train(agent, environment, key, state, stops, *optimizers):
        nonlocal chunks
        began = time.monotonic()

        def killing():
            nonlocal chunks, began
            for stop in stops:
                chunks += 1
                if chunks == passes + 1:
                    delay = random.uniform(0, time.monotonic() - began)
                    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
                began = time.monotonic()
                yield stop

        yield from usual(agent, environment, key, state, killing(), *optimizers)

    training.train = train


def be_worker(point: str, passes: str, run: str) -> None:
    """`sparserl.worker` on a run, in this process, which is to die at a point."""
    os.environ["NPROC"] = "1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    if point == "topology":
        die_in_topology_updates(int(passes))
    sys.argv = ["sparserl.worker", run, "--checkpoint-seconds", EVERYTHING]
    runpy.run_module("sparserl.worker", run_name="__main__", alter_sys=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--scale", default="quick")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    whole = options.directory / "uninterrupted"
    began = time.monotonic()
    subprocess.run(engine_command(whole, options.scale, "run"), check=True)
    untouched = time.monotonic() - began
    rounds = torture_in_rounds(options.directory, options.scale, options.kills, options.seed)
    kills = [kill for _, found, _ in rounds for kill in found]
    wrong = [difference for copy, _, _ in rounds for difference in differences(whole, copy)]
    total = lambda name: sum(getattr(seen, name) for _, _, seen in rounds)
    runs = [run for copy, _, _ in rounds for run in copy.glob("*/seed=*")]
    lost, twice, changed = total("num_lost"), total("num_twice"), total("num_changed")
    num_rows = sum(len(seen.rows) for _, _, seen in rounds)
    summary = {
        "results_version": RESULTS_VERSION,
        "kills": dict(Counter(kill.kind for kill in kills)),
        "num_kills": len(kills),
        "num_rounds": len(rounds),
        "num_runs": len(runs),
        "num_attempts": sum(persistence.read_status(run).attempt for run in runs),
        "differences": wrong,
        "evaluations": {"num": num_rows, "lost": lost, "twice": twice, "changed": changed},
        "seconds_uninterrupted": untouched,
        "seconds_killed": time.monotonic() - began - untouched,
        "machine": persistence.machine_class(),
    }
    (options.directory / "kills.json").write_text(json.dumps([dataclasses.asdict(kill) for kill in kills], indent=1))
    (options.directory / "summary.json").write_text(json.dumps(summary, indent=2))
    print(json.dumps(summary, indent=2))
    sys.exit(bool(wrong or lost or twice or changed))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        be_worker(*sys.argv[2:5])
    else:
        main()
