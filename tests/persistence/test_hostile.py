"""R11: whatever a results directory holds, reading it runs nothing, opens nothing elsewhere and takes little memory."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from covering import covering

PROGRAM = """
import os, pickle, random, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from sparserl.persistence import UserError
from stored_run import readers, store

class Bomb:
    def __reduce__(self):
        return os.system, ("touch " + sys.argv[1] + "/executed",)

run = Path(sys.argv[1]) / "dqn-static" / "seed=0"
store(run)
files = readers(run)
for read in files.values():
    read()
contents = {path: path.read_bytes() for path in files}
random_numbers = random.Random(11)
header = b'{"x":{"dtype":"F64","shape":[999999999999]'
bombs = [
    pickle.dumps(Bomb()), b"", b"[" * 200_000, b'{"a":' * 100_000, bytes(10_000), b"PAR1" + bytes(100) + b"PAR1",
    (2**62).to_bytes(8, "little") + b"{}", (2**20).to_bytes(8, "little") + header,
    b'{"format": 1e999, "seal": "sha256:"}', b'{"format": 1, "bytes": 99999999999999999999}', os.urandom(5_000),
]
fuzzed = lambda content: bytes(
    byte ^ random_numbers.randrange(256) if random_numbers.random() < 0.02 else byte for byte in content[:4_000]
) + content[4_000:]
opened, forbidden = [], []

def watch(event, arguments):
    if event in ("os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "exec", "pickle.find_class", "os.fork"):
        if "/lib/python" not in str(arguments):  # a module of Python's own, imported late
            forbidden.append((event, str(arguments)[:200]))
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)):
        if not os.path.realpath(arguments[0]).startswith(os.path.realpath(sys.argv[1])):
            opened.append(str(arguments[0]))

before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.addaudithook(watch)
num_refused = 0
for turn in range(int(sys.argv[3])):
    path = sorted(files)[turn % len(files)]
    hostile = random_numbers.choice(bombs) if turn % 3 == 0 else fuzzed(contents[path])
    path.write_bytes(hostile)
    try:
        files[path]()
    except UserError:
        num_refused += 1
    path.write_bytes(contents[path])
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
ours = ("/proc/", "site-packages", "/lib/python")  # modules that are imported late, and what tells of processes
outside = sorted({name for name in opened if not any(part in name for part in ours)})
print(num_refused, grown, len(forbidden), forbidden[:3], outside[:3], (Path(sys.argv[1]) / "executed").exists())
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.processes
@pytest.mark.parametrize("number", covering([400, 2_000], lambda number: number == 400))
def test_hostile_files(number, tmp_path):
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), here, str(number)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    num_refused, grown, rest = done.stdout.split(maxsplit=2)
    assert int(num_refused) > number // 4
    assert int(grown) < 256 * 2**20
    assert rest.strip() == "0 [] [] False"
