"""The store: ids that follow every choice, one experiment per id, honest statuses, runs found by name."""

import hashlib
import os
from pathlib import Path

import pytest

from sparserl.persistence import (
    RunId,
    Status,
    UserError,
    experiment_id,
    find_run,
    machine_description,
    plan_experiment,
    processor_name,
    read_experiment,
    read_status,
    several_classes,
    write_status,
)
from sparserl.persistence.machine import _cpu_info, _feature_class, _generation

CHOICES = {
    "agent": {"hidden_units": [512, 512], "learning_rate": 1e-4, "double": False},
    "method": {"name": "rigl", "window": {"start_fraction": 0.0, "interval_updates": 1000}},
    "note": None,
}


def changed(value: object) -> list[object]:
    """Every value that differs from `value` in exactly one leaf."""
    if isinstance(value, dict):
        return [value | {key: other} for key, entry in value.items() for other in changed(entry)] + [value | {"new": 0}]
    if isinstance(value, list):
        return [[*value[:i], other, *value[i + 1 :]] for i, entry in enumerate(value) for other in changed(entry)]
    return [repr(value) + "?"]


def test_id_is_readable_and_its_hash_is_of_the_canonical_choices() -> None:
    digest = hashlib.sha256(b'{"a":[1,2.5],"b":{"c":null,"d":true}}').hexdigest()
    choices = {"b": {"d": True, "c": None}, "a": (1, 2.5)}
    assert experiment_id("dqn-rigl-CartPole-v1-0.9", choices) == f"dqn-rigl-CartPole-v1-0.9-{digest[:8]}"


def test_id_changes_with_any_choice_and_not_with_the_order_of_keys() -> None:
    variations = changed(CHOICES)
    identifiers = {experiment_id("e", choices) for choices in [CHOICES, *variations]}
    assert len(identifiers) == len(variations) + 1 > 8
    reordered = {key: CHOICES[key] for key in reversed(CHOICES)}
    assert experiment_id("e", reordered) == experiment_id("e", CHOICES)


@pytest.mark.parametrize("name", ["ALE/Pong-v5", "../../etc", ".hidden", "a b\n\x1b[31m", "", "x" * 500, "\u00fc"])
def test_id_is_always_one_harmless_folder_name(tmp_path: Path, name: str) -> None:
    identifier = experiment_id(name, {})
    assert Path(identifier).name == identifier
    assert not identifier.startswith(".")
    assert identifier.isascii()
    assert identifier.isprintable()
    assert " " not in identifier
    assert plan_experiment(tmp_path, identifier, {"choices": {}}) == tmp_path / identifier


def test_planning_again_keeps_the_first_document(tmp_path: Path) -> None:
    folder = plan_experiment(tmp_path, "e", {"choices": CHOICES, "machine": {"cpu": "one"}})
    assert plan_experiment(tmp_path, "e", {"choices": CHOICES, "machine": {"cpu": "another"}}) == folder
    assert read_experiment(folder) == {"choices": CHOICES, "machine": {"cpu": "one"}}


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        (CHOICES | {"note": 3}, r"choices\.note is null there and 3 here"),
        (CHOICES | {"more": 1}, r"choices\.more is absent there and 1 here"),
        ({"agent": CHOICES["agent"], "note": None}, r'choices\.method is \{"name":"rigl".* there and absent here'),
        (
            CHOICES | {"method": {"name": "rigl", "window": {"start_fraction": 0.5, "interval_updates": 9}}},
            r"choices\.method\.window\.interval_updates is 1000 there and 9 here",
        ),
        (CHOICES | {"agent": CHOICES["agent"] | {"double": 0}}, r"choices\.agent\.double is false there and 0 here"),
    ],
)
def test_another_experiment_under_the_same_id_is_refused(tmp_path: Path, choices: dict, said: str) -> None:
    folder = plan_experiment(tmp_path, "e", {"choices": CHOICES})
    with pytest.raises(UserError, match=said) as told:
        plan_experiment(tmp_path, "e", {"choices": choices})
    assert str(folder) in str(told.value)
    assert "\n" not in str(told.value)
    assert read_experiment(folder) == {"choices": CHOICES}


def test_damaged_or_missing_experiments_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*experiment\.json"):
        read_experiment(tmp_path / "e")
    folder = plan_experiment(tmp_path, "e", {"choices": CHOICES})
    text = (folder / "experiment.json").read_text()
    (folder / "experiment.json").write_text(text.replace("1000", "1001"))
    with pytest.raises(UserError, match=r"experiment\.json is damaged or was edited"):
        plan_experiment(tmp_path, "e", {"choices": CHOICES})
    with pytest.raises(ValueError, match="one folder's name"):
        plan_experiment(tmp_path, "../e", {"choices": CHOICES})


def test_status_round_trip_fills_in_process_and_times(tmp_path: Path) -> None:
    folder = RunId("e", 3).folder(tmp_path)
    assert folder == tmp_path / "e" / "seed=3"
    assert read_status(folder) is None
    first = write_status(folder, Status("running", environment_steps=2000))
    assert read_status(folder) == first
    assert first.process_id == os.getpid()
    assert first.started is not None
    last = write_status(folder, first._replace(status="finished", final_return=float("nan"), message="done"))
    assert read_status(folder) == last
    assert (last.started, last.final_return, last.environment_steps) == (first.started, None, 2000)
    with pytest.raises(UserError, match="status is 'done': choose running"):
        write_status(folder, Status("done"))
    assert read_status(folder) == last


def test_a_damaged_status_is_named(tmp_path: Path) -> None:
    write_status(tmp_path, Status("running"))
    content = (tmp_path / "status.json").read_text()
    (tmp_path / "status.json").write_text(content.replace("running", "runninG"))
    with pytest.raises(UserError, match=r"status\.json is damaged"):
        read_status(tmp_path)


def test_runs_are_found_by_folder_and_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunId("dqn-rigl-1a2b3c4d", 0).folder(tmp_path / "results")
    folder.mkdir(parents=True)
    places = [tmp_path / "elsewhere", tmp_path / "results"]
    assert find_run(folder, []) == folder
    assert find_run(f"{folder}/", []) == folder
    assert find_run("dqn-rigl-1a2b3c4d/seed=0", places) == folder
    monkeypatch.chdir(folder)
    assert find_run(".", []) == folder


def test_a_run_that_is_not_there_is_told_with_the_nearest(tmp_path: Path) -> None:
    for seed in range(8):
        RunId("dqn-rigl-1a2b3c4d", seed).folder(tmp_path).mkdir(parents=True)
    (tmp_path / "dqn-rigl-1a2b3c4d" / "seed=x").mkdir()
    with pytest.raises(UserError, match=r"no run 'dqn-rigl-1a2b3c4e/seed=1'.*did you mean 'dqn-rigl-1a2b3c4d/seed=1'"):
        find_run("dqn-rigl-1a2b3c4e/seed=1", [tmp_path])
    with pytest.raises(UserError, match=r"an experiment, not a run; name one of dqn-rigl-1a2b3c4d/seed=0.* and 2 more"):
        find_run("dqn-rigl-1a2b3c4d", [tmp_path])
    with pytest.raises(UserError, match="no run"):
        find_run("dqn-rigl-1a2b3c4d/seed=x", [tmp_path])
    with pytest.raises(UserError, match="no run 'zzz'"):
        find_run("zzz", [])


def test_machine_description_says_what_bit_identity_depends_on() -> None:
    import jax
    import numpy as np

    machine = machine_description()
    assert machine["packages"]["jax"] == jax.__version__
    assert machine["packages"]["numpy"] == np.__version__
    assert machine["num_cores"] >= 1
    assert machine["cpu_features"]
    assert _feature_class("fpu sse4_2 avx avx2") == "avx2"
    assert _feature_class("avx512f avx2 avx") == "avx512"
    assert _feature_class("fp asimd sve") == "neon"


def test_generations_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Virtual machines call Zen 3, Zen 4 and Zen 5 alike."""
    listing = "vendor_id\t: AuthenticAMD\ncpu family\t: {}\nmodel\t\t: {}\nmodel name\t: AMD EPYC\n\nmodel name: no\n"
    described = []
    for family, model in ((25, 17), (26, 2)):
        place = tmp_path / f"cpuinfo_{family}"
        place.write_text(listing.format(family, model))
        cpu = _cpu_info(place)
        described.append({"cpu_model": cpu["model name"], "cpu_generation": _generation(cpu)})
    assert [processor_name(each) for each in described] == [
        "AMD EPYC (AuthenticAMD family 25 model 17)",
        "AMD EPYC (AuthenticAMD family 26 model 2)",
    ]
    assert _generation({"CPU implementer": "0x41", "CPU part": "0xd40"}) == "implementer 0x41 part 0xd40"
    assert _generation({}) is None
    assert processor_name({"cpu_model": "AMD EPYC"}) == "AMD EPYC"  # as earlier versions described it
    assert processor_name({"cpu_model": None, "cpu_generation": None}) == "a processor without a name"


def test_seeds_of_several_machine_classes_are_told() -> None:
    """What is not known, because an earlier version wrote it, differs from nothing."""
    here, there = {"jax": "0.10.2", "compiled_for": "znver4 a"}, {"jax": "0.10.2", "compiled_for": "haswell b"}
    flagged = {**here, "xla_flags": "--xla_cpu_max_isa=AVX2"}
    assert several_classes({"one": [here, None, here], "two": [there, ["damaged"]], "three": []}) is None
    assert several_classes({"one": [here, there, here], "two": [here]}) == (
        "seeds of one (compiled_for znver4 a and haswell b) were trained in different machine classes: returns may be "
        "pooled, and bits repeat within a class only"
    )
    line = several_classes({"one": [here, flagged], "two": [here, there]})
    assert line.startswith("seeds of one (xla_flags none and --xla_cpu_max_isa=AVX2) were trained in different")
    assert "and so were those of 1 more experiments" in line
