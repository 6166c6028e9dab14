"""What the written C says and computes by itself: comments, numbers, tanh."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_policies import policy

from sparserl.deploy.c import compiled, write
from sparserl.deploy.c.comment import harmless, lines
from sparserl.deploy.c.numbers import literal, table
from sparserl.deploy.contract import Feature
from sparserl.types import UserError

HOSTILE = ["a */ int x; /*", "??/", "?????)", "back\\", "two\nlines", "naïve → ‮", "*", "/", "#define X 1", "%s %n"]
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler")


@pytest.mark.parametrize("text", HOSTILE)
def test_comments_take_any_text(text: str) -> None:
    harmed = harmless(text)
    assert harmed.isascii()
    assert harmed.isprintable()
    assert not any(ended in harmed for ended in ("*/", "/*", "??"))


@pytest.mark.processes
@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_names_of_features_end_no_comment(tmp_path: Path) -> None:
    """Also not next to what stands around them: a star and then a slash."""
    original = policy((len(HOSTILE), 3), (1,))
    features = tuple(Feature(index, text, HOSTILE[-index]) for index, text in enumerate(HOSTILE))
    named = original.contract.observation._replace(features=features, meaning="*/")
    timing = original.contract.timing._replace(environment="/*" * 70 + "??/")
    write(original._replace(contract=original.contract._replace(observation=named, timing=timing)), tmp_path)
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "sparserl_policy.c"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("decision", ["greatest", "tanh", "mean"])
@pytest.mark.parametrize("densities", [(0, 0, 0), (1, 0, 1), (0.5, 0.5, 0.5)])
def test_every_constant_is_used(tmp_path: Path, decision: str, densities: tuple[float, ...]) -> None:
    """Also where outputs depend on nothing that is observed: clang refuses one that is not."""
    write(policy((4, 16, 16, 3), densities, decision=decision, normalizer=True), tmp_path)
    text = (tmp_path / "sparserl_policy.c").read_text()
    names = re.findall(r"^static const \w+ (\w+)\[", text, re.MULTILINE)
    assert names
    assert {name: len(re.findall(rf"\b{name}\b", text)) > 1 for name in names} == dict.fromkeys(names, True)


def test_the_comment_tells_every_dimension() -> None:
    told = "\n".join(lines(policy((3, 2), (1,), decision="mean").contract))
    assert "Action: 2 numbers, as floats" in told
    assert "the output itself, cut at low and high" in told


def test_literals_read_back_as_the_same_number() -> None:
    bits = np.random.default_rng(0).integers(0, 2**32, 4000, np.uint32)
    numbers = np.concatenate([bits.view(np.float32), np.array([0, -0.0, 1, 1e10, 1e-45, 3.4028235e38], np.float32)])
    numbers = numbers[np.isfinite(numbers)]
    words = table("name", numbers).numbers.replace("\n", "").replace(" ", "").split(",")[:-1]
    for number, text in zip(numbers, words, strict=True):
        assert text == literal(number)
        assert text.endswith("f")
        assert set(".e") & set(text)  # 1f is no number of C
        assert np.float32(text[:-1]).tobytes() == number.tobytes()


def test_tables_hold_all_numbers_in_lines() -> None:
    made = table("name", np.arange(1000, dtype=np.uint16))
    assert (made.type, made.size) == ("uint16_t", 1000)
    assert [int(word) for word in made.numbers.replace("\n", "").split(",")[:-1]] == list(range(1000))
    assert max(map(len, made.numbers.splitlines())) <= 120


def test_a_prefix_must_be_a_name(tmp_path: Path) -> None:
    for prefix in ("", "2nd", "a-b", "a b", "../a", "é"):
        with pytest.raises(UserError, match="prefix"):
            write(policy((3, 2), (1,)), tmp_path, prefix=prefix)
    assert not list(tmp_path.iterdir())


@needs_compiler
@pytest.mark.processes
@pytest.mark.parametrize("flags", [["-DSPARSERL_POLICY_SCALAR"], ["-march=native"]], ids=["scalar", "native"])
def test_tanh_is_near_the_exact_one(tmp_path: Path, flags: list[str]) -> None:
    """Eight units of a slice, each the tanh of the first of 40 inputs, beside NumPy in float64."""
    original = policy((40, 8, 8), (1, 1), "tanh", "mean")
    first, last = original.steps
    ones, identity = np.zeros((40, 8), np.float32), np.eye(8, dtype=np.float32)
    ones[0] = 1
    steps = (
        first._replace(kernel=ones, bias=np.zeros(8, np.float32)),
        last._replace(kernel=identity, bias=0 * last.bias),
    )
    write(original._replace(steps=steps), tmp_path)
    assert "slices_" in (tmp_path / "sparserl_policy.c").read_text()
    drawn = np.random.default_rng(0).standard_normal(3000)
    given = np.concatenate([drawn * scale for scale in (1e-30, 1e-3, 1, 4, 1e5)] + [[0, 9.01, 9.02, 9.03, 1e9, -1e9]])
    seen = np.zeros((len(given), 40), np.float32)
    seen[:, 0] = given
    outputs = compiled(tmp_path, (8,), flags).outputs(seen)
    exact = np.tanh(seen[:, :1].astype(np.float64))
    assert np.abs(outputs - exact).max() < 5e-7
    assert (np.abs(outputs - exact) <= 5e-7 * np.abs(exact)).all()
    assert np.abs(outputs).max() == 1
