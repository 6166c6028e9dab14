"""R8: a thousand damages over every file of a run. Each is noticed, or what is read is what was written."""

import random
from collections import Counter

from stored_run import readers, store

from sparserl.persistence import UserError

NUM_DAMAGES = 1_000


def harm(content, random_numbers):
    """A flipped bit, a cut end, or a page of zeros."""
    at = random_numbers.randrange(len(content))
    match random_numbers.randrange(3):
        case 0:
            return content[:at] + bytes([content[at] ^ 1 << random_numbers.randrange(8)]) + content[at + 1 :]
        case 1:
            return content[:at]
        case _:
            page = len(content[at : at + 4096])
            return content[:at] + bytes(page) + content[at + page :]


def outcome(read):
    """What a reader gives, and "", or None and the line in which it refuses."""
    try:
        return read(), ""
    except UserError as error:
        return None, str(error)


def test_each_damage_is_noticed_or_harmless(tmp_path):
    run = tmp_path / "dqn-static" / "seed=0"
    store(run)
    files, random_numbers, told = readers(run), random.Random(5), Counter()
    good = {path: read() for path, read in files.items()}
    contents = {path: path.read_bytes() for path in files}
    paths = sorted(files)
    for turn in range(NUM_DAMAGES):
        path = paths[turn % len(paths)]
        path.write_bytes(harm(contents[path], random_numbers))
        found, refusal = outcome(files[path])
        if refusal:
            assert "\n" not in refusal
            assert str(tmp_path) in refusal
            told["refused"] += 1
        else:
            generation, complaints = found if path.parts[-2] == "resume" or "resume" in path.parts else (found, [])
            if found == good[path]:
                told["harmless"] += 1
            elif path.name == "lease.json":  # protects nobody then; the attempts' folders still tell their numbers
                assert found is None
                told["passed over"] += 1
            else:  # the checkpoint before, or none, and what was wrong with the newer one
                assert complaints, path
                assert generation is None or generation[2]["turn"] == 3
                told["fell back"] += 1
        path.write_bytes(contents[path])
    assert sum(told.values()) == NUM_DAMAGES
    assert told["refused"] > 300
    assert told["fell back"] > 250
    assert told["harmless"] < 20  # zeros over zeros
