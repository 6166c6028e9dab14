"""Identity: who is still there, who is not, and of whom that cannot be told."""

import subprocess
import sys

from sparserl.processes.identity import Holder, is_alive, process_start, this_process
from waiting import wait_until


def test_processes_that_have_ended_are_told_from_those_that_live():
    me = this_process()
    assert is_alive(me)
    assert is_alive(me._replace(process_start="1")) is False  # its number, used again
    assert is_alive(Holder("elsewhere", "another", 1, "1")) is None
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    holder = me._replace(process_id=child.pid, process_start=process_start(child.pid))
    assert is_alive(holder)
    child.kill()
    wait_until(lambda: not is_alive(holder))  # dead, and its parent has not yet asked how it ended
    child.wait()
    assert is_alive(holder) is False
