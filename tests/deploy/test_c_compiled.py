"""Policies as C, compiled and called, beside the policies that they were written from."""

import ctypes
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from c_policies import HIGH, LOW, observations, policy
from policies import KINDS, observations_of, policy_of

from covering import covering
from sparserl.deploy.c import compiled, compiler, quantized, require_golden, write
from sparserl.deploy.c.compiled import Compiled, build
from sparserl.deploy.c.writing import sealed
from sparserl.deploy.policy import Policy
from sparserl.deploy.verification import Mismatch, compare
from sparserl.types import UserError

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler"),
]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


class Case(NamedTuple):
    original: Policy
    weights: str

    @property
    def written(self) -> Policy:
        return quantized(self.original) if self.weights == "int8" else self.original


CASES = {
    "actor": Case(policy((17, 64, 64, 6), (0.2, 0.05, 0.3)), "float32"),
    "actor_int8": Case(policy((17, 64, 64, 6), (0.2, 0.05, 0.3)), "int8"),
    "few_inputs": Case(policy((4, 64, 64, 9), (1, 0.1, 0.1), "tanh", "greatest", normalizer=True), "int8"),
    "gaps": Case(policy((1100, 300, 4), (0.004, 0.1), "relu", "mean"), "float32"),
    "gaps_int8": Case(policy((1100, 40, 2), (0.003, 0.3), "tanh", "greatest"), "int8"),
    "absolute": Case(policy((600, 40, 12, 3), (0.001, 0.3, 1), "tanh"), "float32"),
    "no_weights": Case(policy((4, 8, 8, 9), (0, 0, 0), "relu", "greatest", normalizer=True), "float32"),
    "cut_off": Case(policy((4, 8, 8, 9), (0.5, 0, 0.5), "relu", "mean"), "int8"),
    "dense": Case(policy((5, 9, 20, 7), (1, 1, 1), "tanh", "mean", normalizer=True), "float32"),
    "dense_int8": Case(policy((5, 9, 20, 7), (1, 1, 1), "relu", "greatest"), "int8"),
    "wide_int8": Case(policy((5, 43, 40, 16, 3), (1, 1, 1, 1), "tanh", "mean"), "int8"),  # 4, 1 and no lanes of 8 units
    "wide_relu_int8": Case(policy((12, 33, 8), (1, 1), "relu", "greatest"), "int8"),
    "whole_slices": Case(policy((20, 64, 3), (0.3, 1), "relu", "greatest"), "float32"),
    "whole_slices_int8": Case(policy((40, 64, 3), (0.3, 1), "tanh", "mean"), "int8"),
    "one_unit": Case(policy((1, 1, 1), (1, 1)), "float32"),
    "few_units": Case(policy((6, 5, 3, 2), (0.5, 0.5, 0.5), "relu", "greatest"), "float32"),
    "one_layer": Case(policy((30, 1), (0.2,), "relu", "greatest"), "float32"),
    "matrix": Case(policy_of(KINDS["mlp of a matrix"]), "float32"),
    "number": Case(policy_of(KINDS["mean of a number"]), "float32"),
}
ON_VECTORS = ("actor", "few_inputs", "gaps", "absolute", "dense_int8", "wide_int8", "wide_relu_int8")
ON_AVX512 = ("actor", "few_inputs")  # the only ones that it computes otherwise than AVX2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases as C, each with its name as prefix."""
    folder = tmp_path_factory.mktemp("c")
    for name, case in CASES.items():
        write(case.original, folder / name, case.weights, prefix=name)
    return folder


def library(folder: Path, names: tuple[str, ...], flags: list[str]) -> Callable[[str], Compiled]:
    """These cases in one library, by their names."""
    made = folder / f"{len(list(folder.iterdir()))}.so"
    build([folder / name / f"{name}.c" for name in names], made, flags)
    loaded = ctypes.CDLL(str(made))

    def written(name: str) -> Compiled:
        p = CASES[name].original
        shape = None if p.decision == "greatest" else p.contract.action.shape
        return Compiled(loaded, name, p.num_features, p.num_outputs, shape)

    return written


def seen_by(p: Policy) -> np.ndarray:
    return observations(p) if len(p.observation_shape) == 1 else observations_of(p, 20)


def check(case: Case, written: Compiled) -> None:
    """Outputs, actions and golden vectors, of usual observations and of hard ones."""
    seen = seen_by(case.original)
    verified = compare(case.written, written, seen)
    assert verified.largest_difference < 1e-5
    assert written.self_test() < 1e-5
    actions = written.act(seen)
    if case.original.decision == "tanh":
        assert ((actions >= LOW) & (actions <= HIGH)).all()
    assert np.isfinite(actions).all()


def test_scalar_code_acts_as_its_policy(folder: Path) -> None:
    defines = [f"-D{name.upper()}_SCALAR" for name in CASES]
    written = library(folder, tuple(CASES), ["-O0", *defines])
    for name, case in CASES.items():
        check(case, written(name))


def macros(flags: list[str]) -> str:
    """What the compiler defines by itself."""
    command = [*compiler(), *flags, "-dM", "-E", "-x", "c", "/dev/null"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("macro", "flags", "names"),
    [
        ("__AVX2__", ["-mavx2"], ON_VECTORS),
        ("__AVX512F__", ["-mavx512f"], ON_AVX512),
        ("__ARM_NEON", [], ON_VECTORS),
    ],
    ids=["avx2", "avx512", "neon"],
)
def test_vector_code_acts_as_its_policy(folder: Path, macro: str, flags: list[str], names: tuple[str, ...]) -> None:
    if macro not in macros([] if macro == "__ARM_NEON" else ["-march=native"]):
        pytest.skip(f"this processor, or its compiler, has no {macro.strip('_')}")
    written = library(folder, names, ["-O0", *flags])
    for name in names:
        check(CASES[name], written(name))


def test_neon_code_passes_its_tests_in_an_emulator(folder: Path) -> None:
    cross, emulator = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")
    if not cross or not emulator:
        pytest.skip("needs gcc-aarch64-linux-gnu and qemu-user")
    for name in ("actor", "gaps", "wide_int8"):
        program, place = folder / f"{name}_arm", folder / name
        sources = [place / f"{name}.c", place / "main.c"]
        subprocess.run([cross, "-std=c99", "-O1", *STRICT, "-static", "-o", program, *sources], check=True)
        assert "vfma" in sources[0].read_text()
        done = subprocess.run([emulator, program], input="", capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout.count("self-test")) == (0, 1)


@pytest.mark.parametrize(
    "command",
    covering(
        [["gcc", "-std=c99"], ["clang", "-std=c99"], ["g++", "-xc++"], ["clang++", "-xc++"]],
        lambda command: command[0] != "clang++",
    ),
)
def test_compilers_have_nothing_to_say(folder: Path, command: list[str]) -> None:
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    sources = [folder / name / f"{name}.c" for name in CASES if name not in ("matrix", "number")]
    on_vectors = ("few_inputs", "whole_slices", "whole_slices_int8", "wide_int8", "wide_relu_int8")
    on_vectors = [folder / name / f"{name}.c" for name in on_vectors]
    example = [folder / "actor" / "main.c", "-I", folder / "actor"]
    compiled_files = folder / command[0]
    compiled_files.mkdir()
    vectors = ["-mavx512f"] if "__x86_64__" in macros([]) else []
    for arguments in (["-fsyntax-only", *sources, *example], ["-O1", "-c", *vectors, *on_vectors]):
        done = subprocess.run(
            [*command, *STRICT, *arguments], capture_output=True, text=True, check=False, cwd=compiled_files
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_it_depends_on_no_library_and_tells_its_stack(folder: Path) -> None:
    """Not on malloc, not on libm; and the frames that GCC reports hold little but the numbers that are announced."""
    if not shutil.which("gcc") or not shutil.which("nm"):
        pytest.skip("needs gcc and nm")
    for name in ("actor", "few_inputs", "dense"):
        object_file = folder / f"{name}.o"
        flags = ["-std=c99", "-O2", "-fstack-usage", f"-D{name.upper()}_NO_SELF_TEST"]
        subprocess.run(["gcc", *flags, "-c", folder / name / f"{name}.c", "-o", object_file], check=True)
        missing = subprocess.run(["nm", "-u", object_file], capture_output=True, text=True, check=True).stdout
        assert set(missing.split()) - {"U", "memset", "memcpy"} == set()
        symbols = subprocess.run(["nm", object_file], capture_output=True, text=True, check=True).stdout
        assert not re.search(r" [bBdDC] ", symbols)  # nothing is in RAM, so no startup code has to fill it
        frames = [int(line.split("\t")[1]) for line in object_file.with_suffix(".su").read_text().splitlines()]
        stated = int(re.search(r"STACK_BYTES (\d+)", (folder / name / f"{name}.h").read_text())[1])
        assert stated - 64 <= sum(frames) <= 2 * stated + 512
        assert "self_test" not in symbols


@pytest.mark.parametrize("flags", [[], ["-march=native"]], ids=["scalar", "native"])
def test_the_example_plays_without_undefined_behaviour(folder: Path, flags: list[str]) -> None:
    for name in ("actor", "few_inputs"):
        place, program = folder / name, folder / f"{name}_example"
        sanitized = [*compiler(), "-std=c99", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover", *flags]
        done = subprocess.run(
            [*sanitized, place / f"{name}.c", place / "main.c", "-o", program],
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"no sanitizers: {done.stderr.splitlines()[-1]}")
        case, seen = CASES[name], observations(CASES[name].original)
        given = "\n".join(" ".join(f"{float(x):.9g}" for x in row) for row in seen)
        played = subprocess.run([program], input=given, capture_output=True, text=True, check=False)
        assert played.returncode == 0, played.stderr
        first, *lines = played.stdout.splitlines()
        assert first.startswith("self-test: largest difference")
        actions = np.array([line.split() for line in lines], np.float32).reshape(len(seen), -1)
        np.testing.assert_allclose(actions, case.written.act(seen).reshape(len(seen), -1), atol=1e-5)


def test_threads_do_not_disturb_each_other(folder: Path) -> None:
    written, seen = (
        library(folder, ("actor",), ["-O1"])("actor"),
        observations(CASES["actor"].original, 4000),
    )
    alone, together = written.act(seen), dict[int, np.ndarray]()
    run = lambda part: together.update({part: written.act(seen[part::2])})
    threads = [threading.Thread(target=run, args=(part,)) for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in (0, 1):
        np.testing.assert_array_equal(together[part], alone[part::2])


def corrupted(text: str, table: str, change: Callable[[str], str]) -> str:
    """The source with another first entry that is not zero in this table, and a digest that agrees with it."""
    start = text.index("{", text.index(f" {table}[")) + 1
    entry = re.compile(r"[^\s,]*[1-9][^\s,]*").search(text, start)
    assert entry is not None
    changed = f"{text[: entry.start()]}{change(entry[0])}{text[entry.end() :]}"
    return sealed(changed[: changed.rindex("/* SHA-256")])


CORRUPTIONS: dict[str, Callable[[str], str]] = {
    "weight": lambda text: corrupted(text, "layer_2_weights", lambda entry: f"-{entry.removeprefix('-')[:-1]}1f"),
    "index": lambda text: corrupted(text, "layer_2_indices", lambda entry: str(int(entry) - 1)),
    "bias": lambda text: corrupted(text, "layer_3_biases", lambda entry: "0.5f"),
}


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_a_changed_number_is_noticed(tmp_path: Path, what: str) -> None:
    """By comparing and by the golden vectors, though the digest of the file agrees with what it holds."""
    original = CASES["actor"].original
    write(original, tmp_path)
    source = tmp_path / "sparserl_policy.c"
    source.write_text(CORRUPTIONS[what](source.read_text()))
    written = compiled(tmp_path, (6,), ["-O0"])
    with pytest.raises(Mismatch, match="observation"):
        compare(original, written, observations(original, 200))
    with pytest.raises(Mismatch, match="the self-test of the written C returns"):
        require_golden(written, tmp_path)


@pytest.mark.parametrize("file", ["sparserl_policy.c", "sparserl_policy.h", "main.c", "CMakeLists.txt"])
def test_any_changed_byte_is_noticed(tmp_path: Path, file: str) -> None:
    write(CASES["few_units"].original, tmp_path)
    content = (tmp_path / file).read_bytes()
    for position in range(0, len(content), len(content) // 20):
        changed = bytearray(content)
        changed[position] ^= 1
        (tmp_path / file).write_bytes(changed)
        with pytest.raises(Mismatch, match=f"{file} has changed since it was written"):
            compiled(tmp_path, None)
    (tmp_path / file).write_bytes(content[:-1])
    with pytest.raises(Mismatch, match="has changed"):
        compiled(tmp_path, None)


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    return monkeypatch


def test_a_missing_compiler_is_told_with_how_to_get_one(no_compiler: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"there is no C compiler here: .*apt install gcc"):
        compiler()
    no_compiler.setenv("CC", "nobodys-cc -m32")
    with pytest.raises(UserError, match="CC names 'nobodys-cc', which is not here"):
        compiler()


BROKEN = {
    "exit 4": r"could not compile bad\.c: ended with status 4",
    "kill -9 $$": r"could not compile bad\.c: was killed by SIGKILL",
    "echo 'ld: warning' >&2; echo 'ld: error: no room' >&2; exit 1": r"could not compile bad\.c: ld: error: no room",
    "exit 0": r"made nothing of bad\.c, though it says that all is well",
    "sleep 60": r"did not end within 0\.1 seconds of compiling bad\.c",
}


@pytest.mark.parametrize("does", [*BROKEN, None])
def test_a_broken_compiler_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str | None
) -> None:
    command = tmp_path / "mycc"
    command.write_bytes(b"\0no program" if does is None else f"#!/bin/sh\n{does}\n".encode())
    command.chmod(0o755)
    monkeypatch.setenv("CC", str(command))
    if does == "sleep 60":
        monkeypatch.setattr(sys.modules[build.__module__], "COMPILER_SECONDS", 0.1)
    told = r"mycc cannot be run as a C compiler: Exec format error" if does is None else BROKEN[does]
    with pytest.raises(UserError, match=told) as caught:
        build([tmp_path / "bad.c"], tmp_path / "bad.so")
    assert "\n" not in str(caught.value)


def test_a_variable_that_is_no_command_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", 'gcc "')
    with pytest.raises(UserError, match="the variable CC is no command: No closing quotation"):
        compiler()


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("*(volatile int *)0 = 1;", "self-test of the written C was killed by SIGSEGV"),
        ("for (;;) { }", r"self-test of the written C did not end within 0\.3 seconds"),
    ],
)
def test_code_that_crashes_or_never_ends_takes_nothing_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, told: str
) -> None:
    monkeypatch.setattr(sys.modules[build.__module__], "TRIAL_SECONDS", 300.0 if "SIGSEGV" in told else 0.3)
    write(CASES["few_units"].original, tmp_path)
    source = tmp_path / "sparserl_policy.c"
    text = source.read_text()
    begun = re.sub(r"(float sparserl_policy_self_test\(void\)\n\{\n)", lambda at: f"{at[1]}    {does}\n", text)
    assert begun != text
    source.write_text(sealed(begun[: begun.rindex("/* SHA-256")]))
    with pytest.raises(Mismatch, match=told):
        compiled(tmp_path, None, ["-O0"])


def test_what_is_made_for_another_machine_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by a compiler for the device; here one that makes a file which is no library at all."""
    write(CASES["few_units"].original, tmp_path)
    command = tmp_path / "devices-cc"
    command.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done; echo other > "$2"\n')
    command.chmod(0o755)
    monkeypatch.setenv("CC", str(command))
    with pytest.raises(UserError, match=r"devices-cc makes cannot be loaded here: .*; name a compiler for"):
        compiled(tmp_path, None)


def test_what_a_compiler_refuses_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "bad.c").write_text("int f(void) { return nothing; }\n")
    with pytest.raises(UserError, match=r"could not compile bad\.c: .*error") as caught:
        build([tmp_path / "bad.c"], tmp_path / "bad.so")
    assert "\n" not in str(caught.value)
