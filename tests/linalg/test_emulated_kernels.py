"""The kernels' path for ARM's NEON is more than compiled: it runs, under an emulator, beside plain loops."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "check-emulated"
TOOLS = ("cmake", "aarch64-linux-gnu-g++", "qemu-aarch64")
MISSING = [tool for tool in TOOLS if shutil.which(tool) is None]


@pytest.mark.thorough
@pytest.mark.processes
@pytest.mark.skipif(bool(MISSING), reason=f"there is no {' and no '.join(MISSING)}")
@pytest.mark.skipif(not SCRIPT.exists(), reason="scripts/check-emulated is not in an installed source distribution")
def test_kernels_for_neon_compute_what_plain_loops_do(tmp_path):
    places = {"BUILD": str(tmp_path), "BIN": str(Path(sys.executable).parent)}
    done = subprocess.run([SCRIPT, "kernels"], env=os.environ | places, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    checked = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    for name in ("neon", "portable", "select"):
        assert checked[name].endswith("all right")
