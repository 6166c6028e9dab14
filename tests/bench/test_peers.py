"""The peers' benchmark: processes wait for each other, what was measured is kept, and its report says what follows."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import optax
import pytest
from matplotlib import pyplot

from benchmarks import cells
from benchmarks.peers import __main__ as command
from benchmarks.peers import figure, plan, processes, report, theirs, worker
from benchmarks.peers.tasks import TASKS

TOP = Path(__file__).parents[2]

# Trains nothing: a step takes a millisecond, and the first of the process whose seed is 1 comes late.
WORKER = """
import sys, time
sys.path.insert(0, sys.argv.pop(1))
from benchmarks.peers import worker

def train(task, environment, seed, sparsity, seen):
    if environment == "broken":
        raise SystemExit("it broke")
    time.sleep(seed)
    print("a word that is no result")
    steps = 100
    while seen(steps, lambda episodes: 1.0):
        time.sleep(0.001)
        steps += 100

worker.PROJECTS["sparserl"] = train
worker.main()
"""


def started(seed, environment="CartPole-v1"):
    words = ["training", "sparserl", "dqn", environment]
    words += ["--seed", str(seed), "--settle-steps", "1100", "--seconds", "0.2"]
    command = [sys.executable, "-c", WORKER, str(TOP), *words]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.processes
def test_a_process_that_settles_late_is_waited_for():
    early, late = processes.side_by_side([started(0), started(1)])
    settled = next(seconds for seconds, steps in late["marks"] if steps >= 1_100)
    assert early["marks"][-1][0] - settled >= 0.2
    assert processes.throughput([early["marks"], late["marks"]], 1_100, 0.2) > 0
    assert late["startup_seconds"] >= 1.0 > 0 < early["startup_seconds"]
    assert late["peak_memory_bytes"] > 1_000_000


@pytest.mark.processes
def test_a_process_that_breaks_ends_all():
    both = [started(0), started(0, "broken")]
    assert processes.side_by_side(both) is None
    assert all(process.returncode is not None for process in both)


def test_the_rate_is_that_of_the_time_in_which_all_were_steady():
    """Two processes, 100 and 50 steps a second, side by side from second 2 to second 4; what came before is slow."""
    first = [(0.0, 0), (1.0, 10), (2.0, 110), (3.0, 210), (5.0, 410)]
    second = [(1.0, 5), (1.5, 10), (2.5, 60), (4.0, 135)]
    assert processes.throughput([first, second], 10, 2.0) == pytest.approx(150.0)
    with pytest.raises(processes.TooShort, match="raise --seconds"):
        processes.throughput([first, second], 10, 20.0)


def test_children_are_held_to_avx2_and_to_one_thread_where_they_are_to_be(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
    monkeypatch.setenv("SPARSERL_INSTRUCTION_SET", "portable")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "x")
    plain, held = (processes.surroundings(name, name == "avx2") for name in ("widest", "avx2"))
    assert plain["XLA_FLAGS"] == "--xla_dump_to=x"
    assert not {"SPARSERL_INSTRUCTION_SET", "OMP_NUM_THREADS", "JAX_COMPILATION_CACHE_DIR"} & plain.keys()
    assert held["XLA_FLAGS"] == "--xla_dump_to=x --xla_cpu_max_isa=AVX2"
    assert (held["SPARSERL_INSTRUCTION_SET"], held["OMP_NUM_THREADS"]) == ("avx2", "1")


@pytest.mark.parametrize(("flags", "kept"), [("fma avx2", []), ("avx2 avx512f avx512bw", ["avx2"])])
def test_avx2_is_measured_only_where_there_is_more(tmp_path, flags, kept):
    (tmp_path / "cpuinfo").write_text(f"flags : {flags}\n")
    found, notes = plan.possible_instructions(["widest", "avx2"], tmp_path / "cpuinfo", "x86_64")
    assert found == ["widest", *kept]
    assert len(notes) == 1 - len(kept)
    assert plan.possible_instructions(["widest"], tmp_path / "cpuinfo", "x86_64") == (["widest"], [])
    assert plan.possible_instructions(["avx2"], tmp_path / "cpuinfo", "aarch64")[0] == []


def test_returns_are_taken_at_equal_steps_and_at_equal_seconds_without_evaluations():
    """A step takes 1 s, an evaluation 100: 4 steps, then 10 seconds, two evaluations within each."""
    now = [50.0]
    clock = lambda: now[0]
    options = argparse.Namespace(steps=4, seconds=10.0, evaluations=2, episodes=3, began=50.0)
    watch = worker.Returns(options, clock)

    def evaluate(num_episodes):
        assert num_episodes == 3
        now[0] += 100.0
        return steps * 1.0

    steps, going = 0, True
    while going:
        steps, now[0] = steps + 1, now[0] + 1.0
        going = watch.seen(steps, evaluate)
    rows = watch.document()["evaluations"]
    assert [(row["by"], row["at"], row["steps"], row["seconds"]) for row in rows] == [
        ("steps", 2.0, 2, 2.0),
        ("steps", 4.0, 4, 4.0),
        ("seconds", 5.0, 5, 5.0),
        ("seconds", 10.0, 10, 10.0),
    ]
    assert [row["return"] for row in rows] == [2.0, 4.0, 5.0, 10.0]


def planned(*words):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["peers", *words])
        options = command._options()
    return plan.cells(options, options.tasks, options.instructions)


def test_what_is_planned_takes_turns():
    cells = planned("training", "--tasks", "dqn", "ppo", "--rounds", "2", "--instructions", "widest", "avx2")
    in_words = [(c.key["instructions"], c.key["round"], c.key["task"]) for c in cells]
    assert len(cells) == len({c.words for c in cells}) == 2 * 2 * 2 * 7
    assert in_words == sorted(in_words, key=lambda each: (each[0] != "widest", *each[1:]))
    smallest = planned("--smoke")
    assert {c.key["part"] for c in smallest} == set(plan.PARTS)
    assert all(c.settings["smoke"] for c in smallest)
    assert all(json.loads(json.dumps([c.key, c.settings])) == [c.key, c.settings] for c in smallest + cells)


def test_a_plan_says_about_how_long_it_takes(capsys):
    """As long as on two cores of an EPYC 9005: 56 cells of training took 23 minutes, 16 of returns 28, the rest 5."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["peers", "--rounds", "2", "--seeds", "2"])
        patch.setattr(plan.os, "sched_getaffinity", lambda process: {0, 1}, raising=False)
        options = command._options()
        told = list(plan.words(plan.cells(options, options.tasks, options.instructions), options))
    assert told == [
        "widest, training: 56 measurements, about 24 minutes",
        "widest, returns: 16 measurements, about 28 minutes",
        "widest, updates: 2 measurements, about 1 minutes",
        "widest, products: 11 measurements, about 4 minutes",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["trainig"], "unknown 'trainig': there are training, returns, updates, products"),
        (["--rounds", "0"], "'0' is no whole number of at least 1"),
        (["--seconds", "nan"], "'nan' is no number greater than 0"),
        (["--tasks", "atari"], "invalid choice: 'atari'"),
    ],
)
def test_mistakes_are_told_in_a_line(capsys, words, told):
    with pytest.raises(SystemExit) as stop:
        planned(*words)
    assert stop.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]


RATES = {"stable-baselines3": 100.0, "sbx": 200.0, "sparserl": 420.0}
ABOUT = {
    "machine": {"cpu_model": "Imagined", "cpu_features": "avx2", "platform": "Linux", "packages": {"jax": "1"}},
    "num_cores_used": 2,
    "peer_packages": {"sbx-rl": "2", "torch": None},
}


def measured(cell):
    """Rates by project; all threads at half of it, RigL at six times, and the second round a tenth slower."""
    key = cell.key
    if key["part"] == "training":
        rate = RATES[key["project"]] * (1.0 if "per core" in key["layout"] else 0.5) * (0.9 if key["round"] else 1.0)
        rate *= 6.0 if key["sparsity"] and key["project"] == "sparserl" else 1.0
        return {"steps_per_second": rate, "startup_seconds": 2.5, "peak_memory_bytes": 3_000_000}
    if key["part"] == "returns":
        at = {"steps": 100, "seconds": 7.0, "at": 1}
        evaluations = lambda seed: [{"by": by, **at, "return": 10.0 * seed} for by in ("steps", "seconds")]
        return {"runs": [{"seed": seed, "evaluations": evaluations(seed)} for seed in key["seeds"]]}
    ratios = {"ratio_to_dense": 5.0, "ratio_lowest": 4.0, "ratio_highest": 6.0, "memory_fraction_of_dense": 0.2}
    row = {"work": key.get("work", "kernel_layer"), **key, "seconds_median": 1e-3, **ratios}
    return {"rows": [{**row, "variant": name} for name in ("dense", "ours")]}


def test_a_killed_benchmark_goes_on_and_its_report_says_what_was_reached(tmp_path, capsys):
    wanted = planned("--tasks", "dqn", "--rounds", "2", "--seeds", "3")
    book = cells.opened(tmp_path / "new" / "peers.json", ABOUT)
    asked = []

    def killed(cell):
        if len(asked) == 9:
            raise KeyboardInterrupt
        asked.append(cell)
        return measured(cell)

    with pytest.raises(KeyboardInterrupt):
        cells.measure_all(book, wanted, killed)
    again = cells.opened(tmp_path / "new" / "peers.json", ABOUT)
    left = []
    failed = cells.measure_all(again, wanted, lambda cell: left.append(cell) or measured(cell))
    assert (asked + left, failed) == (wanted, [])
    assert f"9 of {len(wanted)} were measured before" in capsys.readouterr().err

    report.write_report(tmp_path / "new", again)
    page = (tmp_path / "new" / "README.md").read_text()
    assert "| dqn, RigL 90%, x sbx | 10 | 12.60 | reached |" in page
    assert "| dqn, dense, x sbx | 2 | 2.10 | reached |" in page
    assert "| dqn, RigL 90%, x stable-baselines3 | 15 | 25.20 | reached |" in page
    assert "| sbx | one process, all threads | 95 (90 to 100) | 0.50 |" in page
    assert "10.0 (0.0 to 20.0)" in page
    assert "while training, in 2 rounds, as many times" in page
    assert "smallest size" not in page
    assert {file.name for file in (tmp_path / "new").iterdir()} == {
        *("peers.json", "README.md", "rates.png", "returns.png"),
    }
    marks = json.loads((tmp_path / "new" / "peers.json").read_text())["summary"]["marks"]
    assert [mark["reached"] is None for mark in marks if mark["task"] != "dqn"] == [True] * 6
    assert cells.read(tmp_path / "new" / "peers.json").rows == again.rows


def test_every_mark_of_the_rates_stands_beside_its_candidate_whatever_was_measured_first():
    """Held to AVX2 in another order, without one candidate, and before the rest: places, names and shapes are one."""
    wanted = planned("training", "--tasks", "dqn", "ppo", "--rounds", "1", "--instructions", "widest", "avx2")
    late = lambda cell: (cell.key["project"] == "sbx", -cell.key["sparsity"])
    held = sorted((cell for cell in wanted if cell.key["instructions"] == "avx2"), key=late)
    held = [cell for cell in held if (cell.key["project"], cell.key["task"]) != ("stable-baselines3", "ppo")]
    wanted = held + [cell for cell in wanted if cell.key["instructions"] == "widest"]
    rows = [{"key": cell.key, "values": {"steps_per_second": 1.0 + n}} for n, cell in enumerate(wanted)]
    measured_by = {row["values"]["steps_per_second"]: row["key"] for row in rows}

    drawn = figure.rates(rows)
    places = {label.get_text(): label.get_position()[1] for label in drawn.axes[0].get_yticklabels()}
    assert list(places) == ["stable-baselines3", "sbx", "sbx, RigL by masks, 90%", "sparserl", "sparserl, RigL, 90%"]
    assert drawn.get_suptitle() == "circles: all instructions; squares: held to AVX2"
    marks = [(panel, mark.lines[0]) for panel in drawn.axes for mark in panel.containers]
    assert len(marks) == 2 * 2 * 5 - 1
    for panel, mark in marks:
        [rate], [height] = mark.get_data()
        key = measured_by[rate]
        name = processes.Candidate(key["project"], True, key["sparsity"]).name
        assert height == places[name] + (0.38 if key["instructions"] == "avx2" else 0.0)
        assert mark.get_marker() == ("s" if key["instructions"] == "avx2" else "o")
        assert panel.get_title().split()[0] == key["task"]
    pyplot.close(drawn)
    assert figure.rates([]) is None


def test_marks_that_are_missed_are_said(tmp_path, monkeypatch):
    monkeypatch.setitem(RATES, "sparserl", 60.0)
    monkeypatch.setattr(report, "draw_rates", lambda file, rows: False)
    book = cells.opened(tmp_path / "peers.json", ABOUT)
    cells.measure_all(book, planned("training", "--tasks", "dqn", "--smoke"), measured)
    report.write_report(tmp_path, book)
    page = (tmp_path / "README.md").read_text()
    assert "| dqn, dense, x sbx | 2 | 0.30 | **missed** |" in page
    assert "smallest size" in page
    assert "in a single round, so without a spread" in page


def test_sbx_gets_rigl_by_masks_from_the_one_file_of_ours_that_its_interpreter_loads():
    made = theirs._by_masks(TASKS["dqn"], 0.9)(1e-3)
    parameters = {"dense": {"kernel": jnp.ones((40, 50)), "bias": jnp.ones(50)}}
    updates, _ = made.update(parameters, made.init(parameters), parameters)
    kernel = optax.apply_updates(parameters, updates)["dense"]["kernel"]
    assert int((kernel != 0).sum()) == 200
