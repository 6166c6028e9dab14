"""Children: they find our modules, keep to their core, and end with their parent, with all that they have started."""

import gc
import os
import signal
import subprocess
import sys
from contextlib import nullcontext

import psutil
import pytest

from sparserl.processes import child
from sparserl.processes.cores import allowed_cores, claim_core
from sparserl.processes.log import last_words
from waiting import is_gone, wait_until

BOUND = """
import argparse, os, signal, sys, time
from sparserl.processes import binding
parser = argparse.ArgumentParser()
binding.add_options(parser)
options = parser.parse_args()
binding.bind(options.core, options.parent, signal.SIGKILL)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")


def start(code, core=None, **more):
    return child.start(["-c", code], core, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def said(started):
    """What a child prints until it ends."""
    with started.process.stdout as output, started.process.stderr:
        return output.read().decode()


def test_a_child_finds_our_modules_and_has_one_thread(tmp_path, monkeypatch):
    (tmp_path / "of_mine.py").write_text("word = 'mine'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    code = "import os, of_mine; print(of_mine.word, os.environ['NPROC'], os.environ['COLOUR'])"
    started = start(code, environment={"COLOUR": "red"})
    assert said(started).split() == ["mine", "1", "red"]
    child.stop(started)


@linux
def test_a_child_keeps_to_its_core_and_to_a_session_of_its_own():
    core = claim_core(allowed_cores()[-1:])
    started = start(BOUND + "print(*os.sched_getaffinity(0), os.getsid(0) == os.getpid())", core)
    assert said(started).split() == [str(core.number), "True"]
    child.stop(started)
    assert core.claim is None or core.claim.closed


def test_lines_come_whole():
    started = start("")
    assert [started.whole_lines(chunk) for chunk in (b"one\ntw", b"", b"o\n\nthr", b"ee\n")] == [
        [b"one"],
        [],
        [b"two", b""],
        [b"three"],
    ]
    said(started)
    child.stop(started)


@linux
@pytest.mark.parametrize("patience_seconds", [0.0, 60.0])
def test_who_is_stopped_ends_with_all_that_it_started(patience_seconds):
    code = "import subprocess, sys, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    started = start(code)
    other = int(started.process.stdout.readline())
    child.stop(started, patience_seconds)
    expected = signal.SIGTERM if patience_seconds else signal.SIGKILL
    assert started.process.returncode == -expected
    wait_until(lambda: is_gone(other))
    started.process.stderr.close()
    child.stop(started)  # harmless


@linux
def test_who_does_not_heed_is_killed_in_the_end():
    ignores = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    started = start(ignores)
    started.process.stdout.readline()
    child.stop(started, 0.05)
    assert started.process.returncode == -signal.SIGKILL
    started.process.stderr.close()


@linux
@pytest.mark.parametrize("interrupted", [False, True])
def test_who_does_not_die_at_once_is_waited_for_in_the_background(monkeypatch, interrupted):
    """As `sleep` here, which nobody has killed. Warnings are errors: Python would warn of a process that it forgets."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    number, wait = process.pid, process.wait

    def wait_or_raise(seconds=None):
        if seconds is None:
            return wait()
        raise KeyboardInterrupt

    if interrupted:
        monkeypatch.setattr(process, "wait", wait_or_raise)
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        child.reap(process, 0.0)
    monkeypatch.undo()
    process = wait = None
    gc.collect()
    child.kill_session(number)
    wait_until(lambda: not psutil.pid_exists(number))  # not even as a zombie


@linux
def test_a_child_ends_with_its_parent():
    code = f"""
import subprocess, time
from sparserl.processes import child
child.start(["-c", {BOUND + "print(os.getpid(), flush=True); time.sleep(600)"!r}], None, stdout=None, stderr=None)
time.sleep(600)
"""
    parent = start(code)
    grandchild = int(parent.process.stdout.readline())
    parent.process.kill()  # it alone, not its session
    wait_until(lambda: is_gone(grandchild))
    parent.process.stderr.close()
    child.stop(parent)


@linux
def test_a_child_whose_parent_was_gone_before_it_could_ask_ends_as_well():
    done = subprocess.run(
        [sys.executable, "-c", BOUND + "time.sleep(600)", "--parent", "1"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


@linux
def test_memory_has_a_limit():
    code = "from sparserl.processes.binding import limit_memory\nlimit_memory(2**29)\nbytearray(2**30)"
    with start(code).process as process:
        assert b"MemoryError" in process.stderr.read()


def test_what_others_print_goes_to_the_log():
    code = "import os\nfrom sparserl.processes.binding import own_output\nchannel = own_output()\n"
    code += "print('noise')\nos.write(1, b'more noise')\nprint('news', file=channel)"
    with start(code).process as process:
        output, log = process.communicate()
    assert output == b"news\n"
    assert sorted(log.split()) == [b"more", b"noise", b"noise"]


def test_what_is_told_is_heard_whatever_others_have_closed():
    code = "import sys\nfrom sparserl.processes.binding import own_output\nfrom sparserl.processes.log import tell\n"
    code += "channel = own_output()\nsys.stdout.close(), sys.stderr.close()\n"
    code += "tell('\u00fcber')\nprint('news', file=channel)"
    with start(code).process as process:
        output, log = process.communicate()
    assert (output, log) == (b"news\n", "sparserl: \u00fcber\n".encode())


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (b"", ""),
        (b"\n  \n", ""),
        (b"a\nb\n\n", "b"),
        (b"sparserl: first\nsparserl: last\nTraceback\n", "last"),
        (b"\xff\xfe broken\n", "\ufffd\ufffd broken"),
    ],
)
def test_last_words(log, words):
    assert last_words(log) == words
