"""Snapshots: a new process goes on with the same bits, and what cannot be captured exactly is refused."""

import contextlib
import ctypes
import importlib.metadata
import json
import math
import os
import random
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import gymnasium
import jax
import numpy as np
import pytest

from sparserl.environments import HostEnvironment, Snapshot
from sparserl.types import Discrete, Divergence, UserError
from waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent.parent
TASKS = ("HalfCheetah", "Hopper", "Walker2d", "Ant", "Humanoid")
MUJOCO = [f"{task}-{version}" for task in TASKS for version in ("v4", "v5")]
CLASSIC = ["Pendulum-v1", "CartPole-v1", "Acrobot-v1", "MountainCarContinuous-v0"]
OWN = [f"remembering_environments:{name}-v0" for name in ("Nested", "Hooked", "HeavyHopper")]
STEPS = 300

# What the new process does: no more than to restore and to step. Every second environment was used before.
PROGRAM = """
import json, sys
from pathlib import Path
import jax, numpy as np
from sparserl.environments import HostEnvironment, Snapshot

for number, folder in enumerate(sorted(Path(sys.argv[1]).iterdir())):
    case = json.loads((folder / "case.json").read_text())
    actions = np.load(folder / "actions.npy")
    environment = HostEnvironment(case["identifier"], actions.shape[1])
    if number % 2:
        environment.reset(jax.random.key(5))
        for action in actions[:9]:
            environment.step(None, None, action)
    environment.restore(Snapshot(case["document"], dict(np.load(folder / "arrays.npz"))))
    steps = [environment.step(None, None, action)[1] for action in actions]
    np.savez(folder / "steps.npz", **{name: np.stack([getattr(s, name) for s in steps]) for name in steps[0]._fields})
"""


def made(identifier, num_envs):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is out of date.*", DeprecationWarning)  # Gymnasium on its -v4
        return HostEnvironment(identifier, num_envs)


def actions_of(environment, num_steps, seed=0):
    space, generator = environment.spec.action, np.random.default_rng(seed)
    if isinstance(space, Discrete):
        return generator.integers(0, space.num_actions, (num_steps, environment.num_envs)).astype(np.int32)
    return generator.uniform(space.low, space.high, (num_steps, environment.num_envs, *space.shape)).astype(np.float32)


def played(environment, actions):
    steps = [environment.step(None, None, action)[1] for action in actions]
    return {name: np.stack([getattr(step, name) for step in steps]) for name in steps[0]._fields}


def same(one, other):
    assert one.keys() == other.keys()
    return all(one[name].dtype == other[name].dtype and one[name].tobytes() == other[name].tobytes() for name in one)


def begun(identifier, num_envs=2, num_steps=150, key=3):
    environment = made(identifier, num_envs)
    environment.reset(jax.random.key(key))
    played(environment, actions_of(environment, num_steps, seed=1))
    return environment


def ended_now(environment):
    """Step on until an episode ends, and so a new one has just begun."""
    for action in actions_of(environment, 1000, seed=2):
        step = environment.step(None, None, action)[1]
        if (step.terminated | step.truncated).any():
            return environment
    raise AssertionError("no episode ended")


CASES = {name: lambda name=name: begun(name, num_envs=1 + (name[0] in "APH")) for name in MUJOCO + CLASSIC + OWN}
CASES["right after a reset"] = lambda: ended_now(begun("Hopper-v5", 3))
CASES["right after the time was up"] = lambda: ended_now(begun("Pendulum-v1", 2))
CASES["before the first step"] = lambda: begun("Walker2d-v5", num_steps=1)


@pytest.fixture(scope="module")
def continued(tmp_path_factory):
    """What each case led to here, and in one new process that had only files: numbers, and JSON."""
    root, here = tmp_path_factory.mktemp("snapshots"), {}
    for number, (name, make) in enumerate(CASES.items()):
        environment = make()
        document, arrays = environment.snapshot()
        actions = actions_of(environment, STEPS)
        (folder := root / f"{number:02}").mkdir()
        case = {"identifier": environment.spec.identifier, "document": document}
        (folder / "case.json").write_text(json.dumps(case, sort_keys=True, allow_nan=False))
        np.savez(folder / "arrays.npz", **arrays)
        np.save(folder / "actions.npy", actions)
        here[name] = played(environment, actions)
    paths = os.pathsep.join([*sys.path, str(TESTS)])
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(root)]
    variables = {**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "7"}
    subprocess.run(command, check=True, env=variables, timeout=PATIENCE_SECONDS)
    there = {name: dict(np.load(root / f"{number:02}" / "steps.npz")) for number, name in enumerate(CASES)}
    return here, there


@pytest.mark.parametrize("name", CASES)
def test_a_new_process_goes_on_bit_for_bit(name, continued):
    here, there = continued
    assert same(here[name], there[name])
    ended = (here[name]["terminated"] | here[name]["truncated"]).any()
    assert ended or name.startswith(("HalfCheetah", "Acrobot", "MountainCar")), "no episode ended on the way"


def test_snapshots_change_nothing_and_hold_all():
    environment, plain = begun("Hopper-v5"), begun("Hopper-v5")
    first = environment.snapshot()
    actions = actions_of(environment, 50)
    steps = played(environment, actions)
    assert same(steps, played(plain, actions))
    environment.restore(first)
    second = environment.snapshot()
    assert first.document == second.document
    assert same(first.arrays, second.arrays)
    assert same(steps, played(environment, actions))


def test_arrays_are_numbers_in_one_row():
    for array in begun("remembering_environments:Nested-v0").snapshot().arrays.values():
        assert array.dtype.kind in "biuf"
        assert (array.ndim, array.flags.c_contiguous) == (1, True)


def test_shared_objects_and_memory_are_shared_again():
    source = begun("remembering_environments:Nested-v0")
    target = made("remembering_environments:Nested-v0", 2)
    target.restore(source.snapshot())
    [first, second] = [single.unwrapped for single in target._environments]
    assert first.walker.generator is first.np_random
    assert first.walker.home is first
    assert np.shares_memory(first.room, first.corner)
    assert np.shares_memory(first.room, first.walker.position)
    assert not np.shares_memory(first.room, second.room)
    assert (first.room.flags.f_contiguous, first.room.strides) == (True, (8, 16))
    assert first.np_random is not source._environments[0].unwrapped.np_random


def test_failures_after_a_restore_name_the_step():
    source, target = begun("Pendulum-v1", 1, num_steps=30), made("Pendulum-v1", 1)
    target.restore(source.snapshot())
    with pytest.raises(Divergence, match="the action of step 31 is not finite"):
        target.step(None, None, np.full((1, 1), np.nan, np.float32))


# What is left out of a snapshot is missed: each of these is needed, and the comparison above would see it.
def forget_warm_starts(environment):
    environment.data.qacc_warmstart[:] = 0


def compute_anew(environment):
    import mujoco

    warm = environment.data.qacc_warmstart.copy()
    mujoco.mj_forward(environment.model, environment.data)
    environment.data.qacc_warmstart[:] = warm


def forget_random_numbers(environment):
    environment._np_random = np.random.default_rng(0)


def forget_contacts(environment):
    environment.data.contact.dist[:] = 0


def forget_mass(environment):
    environment.model.body_mass[1] = 3.5


FORGOTTEN = {
    "warm starts": ("Ant-v5", forget_warm_starts),
    "what the last step computed": ("Ant-v5", compute_anew),
    "random numbers": ("Hopper-v5", forget_random_numbers),
    "contacts": ("remembering_environments:HeavyHopper-v0", forget_contacts),
    "the model": ("remembering_environments:HeavyHopper-v0", forget_mass),
    "an attribute": ("remembering_environments:Nested-v0", lambda environment: environment.seen.clear()),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_what_is_forgotten_is_missed(what):
    """From some beginnings the solver finds the same without its warm start; from one of eight it does not."""
    identifier, forget = FORGOTTEN[what]
    assert any(is_missed(identifier, forget, key) for key in range(8))


def is_missed(identifier, forget, key):
    source, target = begun(identifier, 1, key=key), made(identifier, 1)
    snapshot, actions = source.snapshot(), actions_of(source, 100)
    expected = played(source, actions)
    target.restore(snapshot)
    assert same(expected, played(target, actions))
    target.restore(snapshot)
    forget(target._environments[0].unwrapped)
    return not same(expected, played(target, actions))


def test_a_wrapper_that_forgets_its_count_is_missed():
    source, target = begun("Pendulum-v1", 1), made("Pendulum-v1", 1)
    target.restore(source.snapshot())
    assert target._environments[0]._elapsed_steps == 150
    target._environments[0]._elapsed_steps = 0
    actions = actions_of(source, 100)
    assert not same(played(source, actions), played(target, actions))


class Holder(gymnasium.Env):
    """Holds one thing."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, thing):
        self.thing = thing

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


@contextlib.contextmanager
def holding(*things):
    """An environment for each of the things, made by one name."""
    left = list(things)
    gymnasium.register("Holder-v0", lambda: Holder(left.pop(0)))
    try:
        yield [HostEnvironment("Holder-v0", 1) for _ in things]
    finally:
        del gymnasium.registry["Holder-v0"]


class Dice(random.Random):
    """Its numbers are in memory that no attribute shows."""


def local_object():
    class Local:
        pass

    return Local()


REFUSED = {
    "a lambda": (lambda: 0, r"function <lambda>"),
    "an open file": (sys.__stdout__, r"of type _io.TextIOWrapper"),
    "C data": (ctypes.c_int(3), r"of type ctypes.c_int"),
    "a lock": (threading.Lock(), r"of type _thread.lock"),
    "a generator function's frame": ((x for x in "ab"), r"of type generator"),
    "a view of an array of objects": (np.array([None, {}], object)[:1], r"of objects that is a view of another one"),
    "an array in foreign memory": (np.frombuffer(bytearray(8)), r"in memory of type memoryview"),
    "an exception": (ValueError("no"), r"of type ValueError"),
    "a subclass of a class of C": (Dice(), r"of type test_snapshots.Dice"),
    "a class that cannot be found": (local_object(), r"of type .*local_object.<locals>.Local"),
    "another package's object": (importlib.metadata.distribution("numpy"), r"of type importlib.*PathDistribution"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_captured_is_refused_in_one_line(what):
    thing, kind = REFUSED[what]
    with holding({"deep": [thing]}) as [environment]:
        environment.reset(jax.random.key(0))
        where = r"its attribute 'environments\[0\].env.thing\[deep\]\[0\]'"
        line = rf"^environment 'Holder-v0' cannot be captured exactly: {where} is (an array )?{kind}; two methods "
        with pytest.raises(UserError, match=line) as caught:
            environment.snapshot()
        assert "\n" not in str(caught.value)
        assert environment.snapshot_obstacle() == str(caught.value)


def test_what_is_too_deep_is_refused():
    deep = []
    for _ in range(10_000):
        deep = [deep]
    with holding(deep) as [environment]:
        assert "RecursionError" in environment.snapshot_obstacle()


def test_there_is_no_obstacle_where_all_can_be_captured():
    assert begun("remembering_environments:Nested-v0").snapshot_obstacle() is None
    assert made("Ant-v5", 1).snapshot_obstacle() is None


def test_a_list_that_holds_itself_is_captured():
    endless = [1]
    endless.append(endless)
    with holding(endless, []) as [source, target]:
        target.restore(source.snapshot())
        thing = target._environments[0].unwrapped.thing
        assert thing[1] is thing
        assert thing[0] == 1


EVERY_KIND = [
    *(None, True, 3, -(10**50), 0.1, -0.0, float("inf"), "text", b"\x00\xff", Path("a") / "b"),
    *(np.float32(0.1), np.float64(-0.0), np.int8(-3), np.uint64(2**64 - 1), np.bool_(True), np.dtype(np.int16)),
    *(np.float32, np.sin, np.clip, float, Holder, local_object, actions_of),
    *((1, (2.0, "x")), {1, 2}, frozenset({(1, 2)}), {"b": 1, 2: [3], (4,): None}, []),
    *(
        np.zeros((2, 0, 3)),
        np.array(7, np.uint8),
        np.arange(6, dtype=np.int16).reshape(2, 3).T,
        np.array([True, False]),
    ),
    np.random.default_rng(0).normal(size=(3, 4, 2)).transpose(1, 0, 2)[::-2, :, 1],
]


def test_every_kind_comes_back():
    with holding(EVERY_KIND, None) as [source, target]:
        document, arrays = source.snapshot()
        target.restore(Snapshot(json.loads(json.dumps(document, sort_keys=True)), arrays))
        again = target._environments[0].unwrapped.thing
    assert len(again) == len(EVERY_KIND)
    for one, other in zip(EVERY_KIND, again, strict=True):
        assert type(one) is type(other)
        if isinstance(one, np.ndarray):
            assert (one.strides, one.dtype) == (other.strides, other.dtype)
        np.testing.assert_equal(other, one)
    assert [math.copysign(1, again[i]) for i in (5, 11)] == [-1, -1]


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_generator_goes_on(kind):
    make = lambda: np.random.Generator(getattr(np.random, kind)(5))
    mine = make()
    mine.integers(7, size=3, dtype=np.int32)  # half of a word is left over
    mine.spawn(2)
    with holding(mine, None) as [source, target]:
        target.restore(source.snapshot())
        again = target._environments[0].unwrapped.thing
    assert mine.integers(1000, size=9, dtype=np.int32).tolist() == again.integers(1000, size=9, dtype=np.int32).tolist()
    assert mine.normal(size=9).tolist() == again.normal(size=9).tolist()
    assert mine.spawn(1)[0].random() == again.spawn(1)[0].random()


def test_a_model_whose_bodies_sleep_is_refused():
    import mujoco

    environment = made("Hopper-v5", 1)
    environment._environments[0].unwrapped.model.opt.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    line = r"its attribute 'environments\[0\].env.env.data.model' is a MuJoCo model whose bodies may sleep;"
    with pytest.raises(UserError, match=line):
        environment.snapshot()


class Thing:
    """An ordinary object."""

    def __init__(self, number):
        self.number = number


def test_what_was_not_there_is_gone_and_what_was_fixed_stays_so():
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    with holding(fixed, None) as [source, target]:
        target._environments[0].unwrapped.rest = 3
        target.restore(source.snapshot())
        assert not hasattr(target._environments[0].unwrapped, "rest")
        assert not target._environments[0].unwrapped.thing.flags.writeable
        assert source._environments[0].unwrapped.thing is fixed


def test_two_objects_stay_two_where_one_was():
    one = Thing(3)
    with holding([Thing(1), Thing(2)], [one, one]) as [source, target]:
        target.restore(source.snapshot())
        assert [thing.number for thing in target._environments[0].unwrapped.thing] == [1, 2]


HOOKS = {
    "one of the two": ({"sparserl_snapshot": lambda self: {}}, "has sparserl_snapshot but no sparserl_restore"),
    "no dict": (
        {"sparserl_snapshot": lambda self: 3, "sparserl_restore": lambda self, state: None},
        r"sparserl_snapshot\(\) returned of type int: a dict is needed",
    ),
    "raises": (
        {"sparserl_snapshot": lambda self: 1 / 0, "sparserl_restore": lambda self, state: None},
        "ZeroDivisionError: division by zero",
    ),
    "a lambda in it": (
        {"sparserl_snapshot": lambda self: {"a": lambda: 0}, "sparserl_restore": lambda self, state: None},
        r"sparserl_snapshot\(\)\[a\]' is function ",
    ),
}


@pytest.mark.parametrize("what", HOOKS)
def test_methods_of_its_own_that_are_wrong_are_told(what, monkeypatch):
    methods, line = HOOKS[what]
    for name, method in methods.items():
        monkeypatch.setattr(Holder, name, method, raising=False)
    with holding(None) as [environment], pytest.raises(UserError, match=rf"^environment 'Holder-v0' .*{line}"):
        environment.snapshot()


def test_a_snapshot_of_others_is_refused():
    snapshot = begun("Hopper-v5", 2).snapshot()
    with pytest.raises(UserError, match=r"^the snapshot is of environment 'Hopper-v5', not of 'Walker2d-v5'$"):
        made("Walker2d-v5", 2).restore(snapshot)
    with pytest.raises(UserError, match=r"^the snapshot is of 2 environments 'Hopper-v5', not of 3$"):
        made("Hopper-v5", 3).restore(snapshot)


@pytest.mark.parametrize("package", ["mujoco", "gymnasium", "numpy"])
def test_a_snapshot_of_another_version_is_refused(package):
    document, arrays = begun("Hopper-v5", 1).snapshot()
    document["versions"][package] = "0.1"
    here = importlib.metadata.version(package)
    line = rf"^the snapshot of environment 'Hopper-v5' was taken with {package} 0.1, here is {here}: "
    with pytest.raises(UserError, match=line):
        made("Hopper-v5", 1).restore(Snapshot(document, arrays))


def test_an_environment_without_mujoco_does_not_ask_for_it():
    assert set(begun("Pendulum-v1", 1).snapshot().document["versions"]) == {"gymnasium", "numpy"}


def test_another_model_is_refused():
    snapshot = begun("Hopper-v5", 1).snapshot()
    environment = made("Hopper-v5", 1)
    environment._environments[0].unwrapped.model.tex_data[:] = 7
    with pytest.raises(UserError, match=r"as it is built: 'environments\[0\].env.env[a-z.]*' is another MuJoCo model$"):
        environment.restore(snapshot)


def test_an_environment_that_is_built_otherwise_is_refused():
    with holding(0, 0) as [source, target]:
        target._environments[0] = gymnasium.wrappers.TimeLimit(target._environments[0], 3)
        line = r"^the snapshot does not fit environment 'Holder-v0' .*'environments\[0\]' was of class "
        with pytest.raises(UserError, match=line):
            target.restore(source.snapshot())


def test_a_damaged_snapshot_is_told_in_one_line():
    document, arrays = begun("Pendulum-v1", 1).snapshot()
    for broken in (
        {key: value for key, value in document.items() if key != "environments"},
        {**document, "environments": [{"kind": "list"}]},
        {**document, "format": 2},
    ):
        with pytest.raises(UserError, match=r"^the snapshot [^\n]*$"):
            made("Pendulum-v1", 1).restore(Snapshot(broken, arrays))
    with pytest.raises(UserError, match=r"^the snapshot does not fit [^\n]*$"):
        made("Pendulum-v1", 1).restore(Snapshot(document, {name: value[:0] for name, value in arrays.items()}))


def test_a_snapshot_names_only_what_the_environment_knows():
    """Snapshots may come from anywhere: what is in them is looked up among the environment's own, and never called."""
    document, arrays = begun("Pendulum-v1", 1).snapshot()
    for name in ("os:system", "builtins:eval", "subprocess:Popen"):
        evil = {"kind": "named", "name": name}
        made_of = {"kind": "object", "class": name, "attributes": {}, "number": 10**6}
        for node in (evil, made_of):
            inner = document["environments"][0]
            changed = {**inner, "attributes": {**inner["attributes"], "evil": node}}
            with pytest.raises(UserError, match=rf"needs {name.replace(':', '.')}, which is not there"):
                made("Pendulum-v1", 1).restore(Snapshot({**document, "environments": [changed]}, arrays))
