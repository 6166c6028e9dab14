"""What TensorBoard and W&B find of runs that were passed on, read back from their own files."""

import importlib.util
import json
import os
import signal
import struct
import subprocess
import time

import psutil
import pytest

from sinks.stored_runs import diagnosis, evaluation, put
from sinks.test_sinks import command, environment, pass_on
from sparserl.persistence import FACTS
from sparserl.sinks import Event
from waiting import PATIENCE_SECONDS, wait_until

RUN = "dqn-rigl-0a1b2c3d/seed=0"


def event_files(folder):
    return sorted((folder / RUN).glob("events.out.tfevents.*"))


def tensorboard_records(path):
    """The records of an event file as TensorFlow frames them: length, its checksum, data, its checksum."""
    pb = pytest.importorskip("tensorboardX.proto.event_pb2")
    masked = pytest.importorskip("tensorboardX.record_writer").masked_crc32c
    content, start = path.read_bytes(), 0
    while start < len(content):
        length, checksum = struct.unpack("<QI", content[start : start + 12])
        data = content[start + 12 : start + 12 + length]
        assert checksum == masked(content[start : start + 8])
        assert struct.unpack("<I", content[start + 12 + length : start + 16 + length]) == (masked(data),)
        yield pb.Event.FromString(data)
        start += 16 + length


def scalars(folder):
    """(tag, steps, value) of all files of the run, in order, and the states that it was in."""
    numbers, states = [], []
    for record in (record for path in event_files(folder) for record in tensorboard_records(path)):
        for value in record.summary.value:
            if value.tag == "status/text_summary":
                states.append(json.loads(value.tensor.string_val[0])["status"])
            else:
                numbers.append((value.tag, record.step, value.simple_value))
    return numbers, states


def test_tensorboard_has_every_number_once_at_its_step(tmp_path):
    open_sink = pytest.importorskip("sparserl.sinks.tensorboard").open_sink
    out = tmp_path / "out"
    put(tmp_path, 0, 2, diagnostics=True)
    pass_on(out, tmp_path, open_sink=open_sink)
    put(tmp_path, 0, 3, "finished", diagnostics=True)
    pass_on(out, tmp_path, open_sink=open_sink)
    pass_on(out, tmp_path, open_sink=open_sink)
    assert len(event_files(out)) == 2
    numbers, states = scalars(out)
    assert states == ["running", "finished"]
    single = lambda value: struct.unpack("f", struct.pack("f", value))[0]
    text = ("experiment_id", "agent", "method", "environment", "sparsity", "seed", "environment_steps", *FACTS)
    expected = [
        (f"evaluation/{name}", steps, single(value))
        for steps in (0, 100, 200)
        for name, value in evaluation(0, steps).items()
        if name not in text
    ]
    measured = [name for name in diagnosis(0, 0, "all") if name not in (*text, "num_updates", "network", "layer")]
    expected += [
        (f"diagnostics/q/{layer}/{name}", steps, single(diagnosis(0, steps, layer)[name]))
        for steps in (0, 100, 200)
        for layer in ("all", "dense_0")
        for name in measured
    ]
    assert len(numbers) == len(set(numbers))
    assert set(numbers) == set(expected)


def test_wherever_a_kill_cuts_an_event_file_nothing_is_lost_or_twice(tmp_path):
    open_sink = pytest.importorskip("sparserl.sinks.tensorboard").open_sink
    out = tmp_path / "out"
    put(tmp_path, 0, 3, "finished")
    pass_on(out, tmp_path, open_sink=open_sink)
    whole, states = scalars(out)
    (file,) = event_files(out)
    content = file.read_bytes()
    for cut in [*range(0, len(content), 37), len(content)]:
        for left in event_files(out):
            left.unlink()
        file.write_bytes(content[:cut])
        (out / "state.json").unlink()  # the kill came before anything was remembered
        pass_on(out, tmp_path, open_sink=open_sink)
        kept = sum(16 + len(record.SerializeToString()) for record in _whole_records(content, cut))
        file.write_bytes(content[:kept])  # what readers pass over
        assert scalars(out) == (whole, states)


def _whole_records(content, cut):
    pb = pytest.importorskip("tensorboardX.proto.event_pb2")
    start = 0
    while start + 12 <= cut:
        (length,) = struct.unpack("<Q", content[start : start + 8])
        if start + 16 + length > cut:
            return
        yield pb.Event.FromString(content[start + 12 : start + 12 + length])
        start += 16 + length


def test_many_runs_do_not_keep_many_files_open(tmp_path):
    tensorboard = pytest.importorskip("sparserl.sinks.tensorboard")
    most, sink = tensorboard._LARGEST_NUM_OPEN, tensorboard.open_sink(tmp_path)
    num_open = lambda: sum(file.path.startswith(str(tmp_path)) for file in psutil.Process().open_files())
    events = [Event(f"a/seed={seed}", "evaluation", 0, evaluation(seed, 0)) for seed in range(most + 10)]
    sink.write(events)
    assert num_open() == most
    sink.write([event._replace(kind="status", fields={"status": "finished"}) for event in events])
    assert num_open() == 0
    positions = tensorboard.open_sink(tmp_path).passed()
    assert {run: position.evaluation for run, position in positions.items()} == {event.run: 0 for event in events}
    assert all(position.status for position in positions.values())


needs_wandb = pytest.mark.skipif(
    importlib.util.find_spec("wandb") is None, reason="wandb is not installed: pip install 'sparserl[wandb]'"
)


def wandb_histories(folder):
    """The logged rows of all offline sessions by run id, and the exit code of each session that has one."""
    from wandb.proto.wandb_internal_pb2 import Record

    rows, exits = {}, []
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        for data in _wandb_records(path.read_bytes()):
            record = Record.FromString(data)
            if record.WhichOneof("record_type") == "exit":
                exits.append(record.exit.exit_code)
            if record.WhichOneof("record_type") == "history":
                items = {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
                numbers = {name: json.loads(value) for name, value in items.items()}
                rows.setdefault(path.stem.removeprefix("run-"), []).append(numbers)
    return rows, exits


def _wandb_records(content):
    """Records in LevelDB's log format: blocks of 32 KiB, in them checksum, length, kind, and data."""
    start, whole = 7, b""
    while start + 7 <= len(content):
        if 32768 - start % 32768 < 7:
            start += 32768 - start % 32768
            continue
        _, length, kind = struct.unpack("<IHB", content[start : start + 7])
        whole += content[start + 7 : start + 7 + length]
        start += 7 + length
        if kind in (1, 4):
            yield whole
            whole = b""


@pytest.mark.processes
@needs_wandb
def test_wandb_offline_has_every_number_once_whatever_killed_the_sink(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    out, words = tmp_path / "out/wandb", command("wandb", tmp_path, "--output", tmp_path / "out", "--poll-seconds", "0")
    put(tmp_path, 1, 2, "failed")
    for number in (300, 301):  # enough that W&B stores a part of it before it is killed
        process = subprocess.Popen(words, env=environment(), start_new_session=True)
        put(tmp_path, 0, number, diagnostics=True)
        wait_until(lambda: (out / "sessions/dqn-rigl-0a1b2c3d-seed-0.json").exists())
        time.sleep(1.0)  # somewhere while it logs, and waits
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    put(tmp_path, 0, 301, "interrupted", diagnostics=True)
    subprocess.run([*words, "--once"], env=environment(), check=True, timeout=PATIENCE_SECONDS)
    time.sleep(1.1)
    put(tmp_path, 0, 303, "finished", diagnostics=True)
    subprocess.run([*words, "--once"], env=environment(), check=True, timeout=PATIENCE_SECONDS)
    state = (out / "state.json").read_bytes()
    subprocess.run([*words, "--once"], env=environment(), check=True, timeout=PATIENCE_SECONDS)
    assert (out / "state.json").read_bytes() == state
    rows, exits = wandb_histories(out)
    assert rows.keys() == {"dqn-rigl-0a1b2c3d-seed-0", "dqn-rigl-0a1b2c3d-seed-1"}
    first, second = rows["dqn-rigl-0a1b2c3d-seed-0"], rows["dqn-rigl-0a1b2c3d-seed-1"]
    assert [row["_step"] for row in first] == list(range(0, 30300, 100))
    assert [row["_step"] for row in second] == [0, 100]
    assert all(row["evaluation/mean_return"] == evaluation(0, row["_step"])["mean_return"] for row in first)
    assert all(row["diagnostics/q/dense_0/srank"] == 0.25 for row in first)
    assert sorted(exits) == [0, 1, 1]


@pytest.mark.processes
@needs_wandb
def test_a_wandb_session_that_was_finished_but_not_remembered_is_not_repeated(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    out, words = tmp_path / "out/wandb", command("wandb", tmp_path, "--output", tmp_path / "out", "--once")
    put(tmp_path, 0, 2, "finished")
    subprocess.run(words, env=environment(), check=True, timeout=PATIENCE_SECONDS)
    (out / "state.json").unlink()
    subprocess.run(words, env=environment(), check=True, timeout=PATIENCE_SECONDS)
    rows, exits = wandb_histories(out)
    assert [row["_step"] for row in rows["dqn-rigl-0a1b2c3d-seed-0"]] == [0, 100]
    assert exits == [0]
