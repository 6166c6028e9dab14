"""Exported C on the processors that it is for, emulated: a Cortex-M4 with 64 KB of flash, 64-bit ARM, and RISC-V.

A network of SAC's size for HalfCheetah at 95 % sparsity, with both kinds of weights: `scripts/check-emulated policy`.
"""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from covering import covering
from sparserl.deploy.c.writing import write
from sparserl.deploy.contract import Actions, Contract, Observations, Timing
from sparserl.deploy.policy import Normalizer, Policy
from sparserl.deploy.steps import Dense

BOARD = Path(__file__).parents[2] / "reproduction" / "deploy" / "cortex_m4" / "run"
LINUX = {
    "aarch64": ("aarch64-linux-gnu-gcc", "qemu-aarch64", ()),  # its vector instructions, NEON
    "aarch64, scalar": ("aarch64-linux-gnu-gcc", "qemu-aarch64", ("-DSPARSERL_POLICY_SCALAR",)),
    "riscv64": ("riscv64-linux-gnu-gcc", "qemu-riscv64", ()),
}
pytestmark = [pytest.mark.processes, pytest.mark.thorough]


def need(*tools):
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)}")


def need_libc(compiler):
    hello = '#include <stdio.h>\nint main(void) { return puts("") < 0; }'
    command = [compiler, "-x", "c", "-static", "-", "-o", "/dev/null"]
    if subprocess.run(command, input=hello, text=True, capture_output=True).returncode:
        pytest.skip(f"{compiler} has no C library: install its libc6-dev")


def policy():
    random = np.random.default_rng(0)

    def layer(name, inputs, outputs, density, activation):
        live = random.random((inputs, outputs)) < density
        kernel = np.where(live, random.normal(size=live.shape) * (inputs * density) ** -0.5, 0).astype(np.float32)
        return Dense(name, kernel, random.normal(size=outputs).astype(np.float32), activation, live)

    steps = (
        layer("hidden_1", 17, 256, 0.22, "relu"),
        layer("hidden_2", 256, 256, 0.027, "relu"),
        layer("output", 256, 6, 0.3, None),
    )
    contract = Contract(Observations((17,)), Actions("continuous", "tanh", shape=(6,)), Timing("Test-v0"))
    normalizer = Normalizer(random.normal(size=17).astype(np.float32), np.full(17, 2.0, np.float32), 10.0)
    return Policy(contract, steps, "tanh", normalizer, 1.0, -np.ones(6, np.float32), np.ones(6, np.float32))


@pytest.mark.parametrize("weights", ["float32", "int8"])
def test_a_cortex_m4_has_room_for_it_and_its_self_test_passes_there(tmp_path, weights):
    need("arm-none-eabi-gcc", "qemu-system-arm")
    if not BOARD.exists():
        pytest.skip("reproduction is not in an installed source distribution")
    write(policy(), tmp_path, weights)
    done = subprocess.run([BOARD, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = {name: int(number) for name, number in (line.split() for line in done.stdout.splitlines())}
    assert told["passed"] == 1
    assert told["text_bytes"] + told["data_bytes"] <= 64 * 1024
    assert told["data_bytes"] + told["bss_bytes"] + told["stack_bytes"] <= 16 * 1024
    assert told["instructions_an_action"] < 17 * 256 + 256 * 256 + 256 * 6  # fewer than a dense network has weights


@pytest.mark.parametrize(
    ("weights", "processor"),
    covering([(weights, name) for weights in ("float32", "int8") for name in LINUX], lambda case: case[0] == "float32"),
)
def test_other_processors_act_as_numpy_does(tmp_path, weights, processor):
    compiler, emulator, flags = LINUX[processor]
    need(compiler, emulator)
    need_libc(compiler)
    write(policy(), tmp_path, weights)
    program, sources = tmp_path / "policy", [tmp_path / "main.c", tmp_path / "sparserl_policy.c"]
    strict = ("-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
    subprocess.run([compiler, *strict, *flags, "-static", *sources, "-o", program], check=True)
    seen = np.random.default_rng(1).normal(size=(20, 17)).astype(np.float32)
    told = " ".join(repr(float(number)) for number in seen.ravel())
    done = subprocess.run([emulator, program], input=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr  # the self-test passed
    actions = np.array([line.split() for line in done.stdout.splitlines()[1:]], float)
    np.testing.assert_allclose(actions, policy().act(seen), atol=1e-4 if weights == "float32" else 0.1)
