"""Sinks: nothing lost and nothing twice, whatever kills them, and no run ever feels one."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sinks import broken_sinks
from sinks.stored_runs import STARTED, diagnosis, evaluation, expected, put
from sparserl import persistence, sinks
from sparserl.errors import UserError
from sparserl.sinks import following, jsonl, store
from sparserl.sinks.events import Position
from waiting import PATIENCE_SECONDS, is_gone, wait_until

SOURCE = Path(sinks.__file__).parents[3]


def pass_on(folder, *places, open_sink=jsonl.open_sink, tell=None):
    """One pass in this process."""
    folder.mkdir(parents=True, exist_ok=True)
    following.follow(open_sink, folder, places, lambda seconds: True, tell or (lambda line: None), 0.0)


def command(*words):
    return [sys.executable, "-P", "-m", "sparserl.sinks", *map(str, words)]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [SOURCE, *sys.path]))}


def lines(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def told(folder):
    """What was passed on, as `expected` says it, in order; a run's state `running` aside."""
    events = [(each["run"], each["event"], each.get("status") or each["environment_steps"]) for each in lines(folder)]
    return [event for event in events if event[2] != "running"]


def test_json_lines_are_exactly_what_is_stored(tmp_path):
    run = put(tmp_path, 3, 2, "finished", diagnostics=True)
    persistence.write_table(
        persistence.EVALUATIONS, run, [{**evaluation(3, 0), "mean_return": float("nan")}, evaluation(3, 100)]
    )
    told = [diagnosis(3, 0, "all", srank=None), diagnosis(3, 0, "dense_0")]
    persistence.write_table(persistence.DIAGNOSTICS, run, told)
    pass_on(tmp_path / "out", tmp_path)
    first, second, third, fourth = lines(tmp_path / "out")
    name = {"run": "dqn-rigl-0a1b2c3d/seed=3"}
    assert first == {**evaluation(3, 0), **name, "event": "evaluation", "mean_return": "NaN"}
    assert third == {**evaluation(3, 100), **name, "event": "evaluation"}
    columns = {field: told[0][field] for field in persistence.DIAGNOSTICS_SCHEMA.names[10:]}
    assert second.pop("networks") == {"q": {"all": {**columns, "srank": None}, "dense_0": {**columns, "srank": 0.25}}}
    row = ("experiment_id", "agent", "method", "environment", "sparsity", "seed", "environment_steps", "num_updates")
    assert second == {**name, "event": "diagnostics", **{field: evaluation(3, 0)[field] for field in row}}
    status = persistence.read_status(run)
    assert (status.status, status.final_return, status.started) == ("finished", 1.5, STARTED)
    assert fourth == {**status._asdict(), "forced": [], "breaks": [], **name, "event": "status"}


def test_only_what_is_new_is_passed_on(tmp_path):
    out = tmp_path / "out"
    put(tmp_path, 0, 1)
    pass_on(out, tmp_path)
    assert [each["event"] for each in lines(out)] == ["status", "evaluation"]
    put(tmp_path, 0, 1)  # only its time differs
    pass_on(out, tmp_path)
    assert len(lines(out)) == 2
    put(tmp_path, 0, 3)
    put(tmp_path, 1, 1, "failed")
    pass_on(out, tmp_path)
    new = [(each["seed"] if "seed" in each else each["status"], each["environment_steps"]) for each in lines(out)[2:]]
    assert new == [(0, 100), (0, 200), (1, 0), ("failed", 0)]


def test_rows_that_a_resumed_run_computes_again_are_not_passed_on_twice(tmp_path):
    out = tmp_path / "out"
    for num_evaluations, status in ((4, "interrupted"), (2, "running"), (6, "finished")):
        put(tmp_path, 0, num_evaluations, status)
        pass_on(out, tmp_path)
    steps = [each["environment_steps"] for each in lines(out) if each["event"] == "evaluation"]
    assert steps == [0, 100, 200, 300, 400, 500]
    assert [each["status"] for each in lines(out) if each["event"] == "status"] == [
        "interrupted",
        "running",
        "finished",
    ]


def test_wherever_a_kill_cuts_the_file_the_next_start_repairs_it(tmp_path):
    """Between the file and what is remembered of it lies a kill: at every byte of what came last."""
    out = tmp_path / "out"
    put(tmp_path, 0, 2, diagnostics=True)
    pass_on(out, tmp_path)
    before, remembered = (out / "events.jsonl").read_bytes(), (out / "state.json").read_bytes()
    put(tmp_path, 0, 3, "finished", diagnostics=True)
    pass_on(out, tmp_path)
    whole = (out / "events.jsonl").read_bytes()
    assert whole.startswith(before)
    assert set(told(out)) == expected(tmp_path)
    ends = [at + 1 for at in range(len(before), len(whole)) if whole[at : at + 1] == b"\n"]
    for cut in {*range(len(before), len(whole), 53), *ends, *(end - 1 for end in ends)}:
        (out / "events.jsonl").write_bytes(whole[:cut])
        (out / "state.json").write_bytes(remembered)
        pass_on(out, tmp_path)
        assert (out / "events.jsonl").read_bytes() == whole


@pytest.mark.processes
def test_a_sink_killed_again_and_again_loses_nothing_and_says_nothing_twice(tmp_path):
    chance, kills = random.Random(5), 12
    words = command("jsonl", tmp_path, "--output", tmp_path / "out", "--poll-seconds", "0")
    done = 0
    for kill in range(kills):
        process = subprocess.Popen(words, env=environment(), stderr=subprocess.DEVNULL)
        size = (tmp_path / "out/jsonl/events.jsonl").stat().st_size if kill else 0
        for _ in range(40):  # evaluations come as long as it lives
            done += 1
            for seed in range(3):
                put(tmp_path, seed, done, diagnostics=seed == 1)
            grown = (tmp_path / "out/jsonl/events.jsonl").exists() and (
                (tmp_path / "out/jsonl/events.jsonl").stat().st_size > size
            )
            if grown and chance.random() < 0.5:
                break
            time.sleep(0.0 if grown else 0.05)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    for seed in range(3):
        put(tmp_path, seed, done + 1, "finished", diagnostics=seed == 1)
    subprocess.run([*words, "--once"], env=environment(), check=True, timeout=PATIENCE_SECONDS)
    events = told(tmp_path / "out/jsonl")
    assert len(events) == len(set(events))
    assert set(events) == expected(tmp_path)


@pytest.mark.processes
def test_sinks_that_break_reach_neither_the_runs_nor_the_engine(tmp_path, monkeypatch, capfd):
    broken_sinks.announce(tmp_path, monkeypatch)
    results = tmp_path / "results"
    run = persistence.RunId("dqn-rigl-0a1b2c3d", 0).folder(results)
    kinds = ["jsonl", "raises", "fills", "exits"]
    with sinks.started(kinds, [run], tmp_path / "out", drain_seconds=PATIENCE_SECONDS) as running:
        for number in range(1, 9):
            put(results, 0, number, "running" if number < 8 else "finished")
        wait_until(lambda: "File too large" in running[2].log.read_text())
    assert all(each.process.poll() is not None for each in running)
    assert persistence.read_evaluations(run).num_rows == 8
    assert set(told(tmp_path / "out/jsonl")) == expected(results)
    said = {line.split()[3]: line for line in capfd.readouterr().err.splitlines()}
    assert said.keys() == {"raises", "fills", "exits"}
    assert "failed: ZeroDivisionError: division by zero" in said["raises"]
    assert "File too large" in said["fills"]
    assert "python -m sparserl.sinks fills DIR --output" in said["fills"]
    # The disk is free again: what was cut off is taken away, the rest follows.
    assert not (tmp_path / "out/fills/events.jsonl").read_bytes().endswith(b"\n")
    pass_on(tmp_path / "out/fills", results)
    assert sorted(map(str, told(tmp_path / "out/fills"))) == sorted(map(str, expected(results)))


@pytest.mark.processes
def test_a_sink_that_hangs_is_killed_and_told_of(tmp_path, monkeypatch, capfd):
    broken_sinks.announce(tmp_path, monkeypatch)
    with sinks.started(["hangs"], tmp_path, drain_seconds=0.5) as (hanging,):
        assert os.getpriority(os.PRIO_PROCESS, hanging.process.pid) == 19
        assert hanging.process.poll() is None  # nobody waits for it to come to something
    wait_until(lambda: hanging.process.poll() is not None)
    assert "the sink hangs did not end within 0.5 s and was killed" in capfd.readouterr().err


@pytest.mark.processes
def test_a_sink_tries_again_what_has_failed(tmp_path):
    """Its folder's file is a folder for a while."""
    put(tmp_path, 0, 2, "finished")
    blocked = tmp_path / "out/jsonl/events.jsonl"
    blocked.mkdir(parents=True)
    with sinks.started(["jsonl"], tmp_path, tmp_path / "out", PATIENCE_SECONDS) as (sink,):
        wait_until(lambda: "trying again" in sink.log.read_text())
        blocked.rmdir()
        wait_until(lambda: blocked.exists() and len(blocked.read_text().splitlines()) == 3)
    assert set(told(tmp_path / "out/jsonl")) == expected(tmp_path)


@pytest.mark.processes
def test_sinks_end_with_the_process_that_started_them(tmp_path, monkeypatch):
    """One that hangs as well."""
    broken_sinks.announce(tmp_path, monkeypatch)
    program = f"""
import time
from pathlib import Path
from sparserl import sinks
with sinks.started(["jsonl", "hangs"], Path({str(tmp_path)!r})) as running:
    print(*(sink.process.pid for sink in running), flush=True)
    time.sleep(600)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], env=environment(), stdout=subprocess.PIPE, start_new_session=True
    )
    pids = process.stdout.readline().split()
    put(tmp_path, 0, 1)
    wait_until((tmp_path / "sinks/jsonl/state.json").exists)
    wait_until((tmp_path / "sinks/hangs/lock").exists)
    process.kill()
    process.communicate()
    wait_until(lambda: all(is_gone(int(pid)) for pid in pids))


@pytest.mark.processes
def test_a_study_that_is_over_at_once(tmp_path, capfd):
    """Runs may be over before the sink has found its feet."""
    put(tmp_path, 0, 2, "finished")
    with sinks.started(["jsonl"], tmp_path, drain_seconds=PATIENCE_SECONDS):
        pass
    assert set(told(tmp_path / "sinks/jsonl")) == expected(tmp_path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.processes
def test_who_presses_ctrl_c_does_not_wait_for_a_sink(tmp_path, monkeypatch, capfd):
    broken_sinks.announce(tmp_path, monkeypatch)
    with pytest.raises(KeyboardInterrupt), sinks.started(["hangs"], tmp_path, drain_seconds=PATIENCE_SECONDS):
        raise KeyboardInterrupt
    assert "did not end within 2 s" in capfd.readouterr().err


def test_damaged_files_are_told_and_left_out(tmp_path):
    complaints = []
    damaged = put(tmp_path, 0, 2, "finished") / "evaluations.parquet"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:50] + b"?" + whole[51:])
    put(tmp_path, 1, 2, "finished")
    pass_on(tmp_path / "out", tmp_path, tell=complaints.append)
    assert any("evaluations.parquet is damaged" in line for line in complaints)
    assert {event for event in told(tmp_path / "out") if event[0].endswith("seed=0")} == {
        ("dqn-rigl-0a1b2c3d/seed=0", "status", "finished")
    }
    damaged.write_bytes(whole)
    pass_on(tmp_path / "out", tmp_path)
    assert set(told(tmp_path / "out")) == expected(tmp_path)


def test_a_damaged_memory_is_told_with_the_remedy(tmp_path):
    put(tmp_path, 0, 1)
    pass_on(tmp_path / "out", tmp_path)
    (tmp_path / "out/state.json").write_text("{}")
    with pytest.raises(UserError, match=r"state.json cannot be read.*move .*out away to pass on all again"):
        pass_on(tmp_path / "out", tmp_path)


def test_places(tmp_path):
    runs = [put(tmp_path, seed, 1, experiment=name) for name in ("a-1", "b-2") for seed in range(2)]
    put(tmp_path, 5, 1, experiment="c-3")
    study = tmp_path / "studies/mine@smoke"
    plan = {"experiments": [{"identifier": "a-1"}, {"identifier": "b-2"}], "num_seeds": 3}
    persistence.write_document(study / "study.json", plan)
    planned = {f"{name}/seed={seed}" for name in ("a-1", "b-2") for seed in range(3)}
    assert store.find_runs([study]).keys() == planned
    assert store.find_runs([study])["a-1/seed=0"] == runs[0]
    assert store.find_runs([tmp_path]).keys() == planned - {"a-1/seed=2", "b-2/seed=2"} | {"c-3/seed=5"}
    assert list(store.find_runs([tmp_path / "b-2"])) == ["b-2/seed=0", "b-2/seed=1"]
    assert list(store.find_runs(runs[1:3])) == ["a-1/seed=1", "b-2/seed=0"]
    assert sinks.default_output([tmp_path]) == tmp_path / "sinks"
    assert sinks.default_output([study]) == study / "sinks"
    assert sinks.default_output(runs[:2]) == tmp_path / "a-1/sinks"
    assert sinks.default_output(runs) == tmp_path / "sinks"
    for bad in ({"experiments": [{"identifier": "../x"}], "num_seeds": 1}, {"experiments": [{}], "num_seeds": 1}):
        persistence.write_document(study / "study.json", bad)
        with pytest.raises(UserError, match=r"study.json is (damaged|from another version)"):
            store.find_runs([study])


def test_diagnostics_never_come_before_their_evaluation(tmp_path):
    run = put(tmp_path, 0, 1, diagnostics=True)
    persistence.write_table(persistence.DIAGNOSTICS, run, [diagnosis(0, steps, "all") for steps in (0, 100)])
    events = store.new_events("r", run, Position(), print)
    assert [(event.kind, event.environment_steps) for event in events] == [
        ("status", 0),
        ("evaluation", 0),
        ("diagnostics", 0),
    ]


def test_nothing_of_a_run_comes_behind_its_end(tmp_path, monkeypatch):
    """The run ends, with one more evaluation, while the sink reads it."""
    run, read = put(tmp_path, 0, 2), persistence.read_evaluations

    def read_and_finish(folder):
        table = read(folder)
        put(tmp_path, 0, 3, "finished")
        return table

    monkeypatch.setattr(persistence, "read_evaluations", read_and_finish)
    first = store.new_events("r", run, Position(), print)
    assert [event.environment_steps for event in first if event.kind == "evaluation"] == [0, 100]
    after = following.after_all({}, first)["r"]
    second = store.new_events("r", run, after, print)
    assert [(event.kind, event.environment_steps) for event in second] == [("evaluation", 200), ("status", 200)]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["jsonn"], r"sink is 'jsonn': choose jsonl, tensorboard or wandb; did you mean 'jsonl'\?"),
        (["tensorbord"], "did you mean 'tensorboard'"),
        (["jsonl", "jsonl"], "asked for twice"),
    ],
)
def test_mistakes_are_told_before_anything_starts(tmp_path, monkeypatch, kinds, message):
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(UserError, match=message) as caught, sinks.started(kinds, tmp_path):
        raise AssertionError
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_and_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'sparserl\[wandb\]'"), sinks.started(["wandb"], tmp_path):
        raise AssertionError
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file"), sinks.started(["jsonl"], tmp_path, tmp_path / "file"):
        raise AssertionError


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["jsonl", "nowhere"], "sparserl: there is no folder nowhere: name a results directory"),
        (["jsnl", "."], "did you mean 'jsonl'?"),
        (["jsonl", "{claimed}", "--once"], "another process passes on to "),
    ],
)
def test_mistakes_on_the_command_line(tmp_path, words, message):
    with sinks.started(["jsonl"], tmp_path, tmp_path / "sinks"):
        wait_until((tmp_path / "sinks/jsonl/events.jsonl").exists)
        words = [word.format(claimed=tmp_path) for word in words]
        done = subprocess.run(command(*words), env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_sinks_do_without_jax():
    program = (
        "import sys, sparserl.sinks.__main__, sparserl.sinks.jsonl; "
        "sys.exit(bool({'jax', 'sparserl.experiment'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], env=environment(), check=False).returncode == 0
