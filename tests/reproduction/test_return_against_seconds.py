"""Return against seconds: what follows from rates, what is chosen from a grid, and what is shown of runs."""

import re
import shutil

import numpy as np
import pytest
from scripts_of import scripts_of
from stored_runs import store

from sparserl.errors import UserError
from sparserl.experiment import RESULTS_VERSION, describe

PACES = {"dense, 256 units": 4e-3, "static, 90 % sparse": 1e-3, "RigL, 90 % sparse": 1.1e-3}  # all others: 0.8e-3
GAINS = {"dense, 256 units": 1.0, "static, 90 % sparse": -2.0, "RigL, 90 % sparse": 3.0}  # per 1,000 of the return


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    with scripts_of("return_against_seconds", tmp_path_factory.mktemp("scripts")) as modules:
        names = modules.six_networks
        rows = [measured(names, network, place) for network in names.NETWORKS for place in names.ENVIRONMENTS]
        machine = {"cpu_model": "a processor", "cpu_features": "avx2", "num_cores": 2}
        known = {"results_version": RESULTS_VERSION, "machine": machine, "settings": {"repeats": 3}}
        names.write("rates.json", {**known, "rows": rows})
        names.write("totals.json", modules.totals.totals(names.read("rates.json", ""), minutes=2.0))
        yield modules


def measured(names, network, environment):
    paces = np.linspace(4e-3, 1e-3, 20) if network.method == "prune" else np.full(20, PACES.get(network.name, 0.8e-3))
    rate = float(1 / paces.mean())
    return {
        "name": names.label(network.name, environment),
        "steps_per_second": rate,
        "steps_per_second_of_rounds": [rate - 1, rate, rate + 1],
        "step_seconds": paces.tolist(),
        "start_seconds": 8.0,
        "relayout_seconds": 5.0 if network.method == "prune" else 0.0,
        "evaluation_seconds": 0.5,
        "peak_bytes": 2**29,
        "network_bytes": [2**21, 2**18],
    }


def test_networks_cost_what_their_names_say(scripts):
    names = scripts.six_networks
    of = {network.name: names.experiment(network, "HalfCheetah-v5", 12_000) for network in names.NETWORKS}
    told = {name: describe(each)["networks"].values() for name, each in of.items()}
    total = lambda name, what: sum(each[what] for each in told[name])
    assert total("static, 90 % sparse", "live_parameters") == 23_190  # by hand: tests of distributions have the counts
    parameters = {width: 2 * (23 * width + width + width**2 + 2 * width + 1) for width in (74, 75, 76)}  # two critics
    parameters = {w: p + 17 * w + w + w**2 + w + 12 * w + 12 for w, p in parameters.items()}  # and the actor
    assert min(parameters, key=lambda width: abs(parameters[width] - 23_190)) == 75
    assert total("dense, as many parameters", "parameters") == parameters[75]
    live_macs, macs = total("RigL, 90 % sparse", "live_macs"), total("dense, as many FLOPs", "macs")
    assert abs(macs / live_macs - 1) < 0.02
    assert of["dense, as many FLOPs"].network.hidden_units == (73, 73)
    assert [of["dense, 256 units"].network.hidden_units, of["RigL, 90 % sparse"].sparsity] == [(256, 256), 0.9]


def test_all_train_for_the_same_seconds_and_end_with_an_evaluation(scripts):
    names, cells = scripts.six_networks, scripts.six_networks.read("totals.json", "")["cells"]
    names.write("learning_rates.json", {"chosen": {network.name: 3e-4 for network in names.NETWORKS}})
    study = scripts.return_against_seconds.study("quick")
    assert [len(study.experiments), study.num_seeds] == [12, 10]
    for each, network in zip(study.experiments, names.NETWORKS, strict=False):
        paces = cells["HalfCheetah-v5"][network.name]["step_seconds"]
        assert (each.total_steps - 100) * np.mean(paces) == pytest.approx(120, rel=1e-3)  # 100 random steps
        assert each.total_steps == network.num_evaluations * each.evaluation.interval_steps
        assert each.agent.temperature_learning_rate == each.optimizer.learning_rate == 3e-4
        returns = [0.0] * (network.num_evaluations + 1)
        last = names.num_last(network.num_evaluations)
        returns[-last:] = [1.0] * last
        assert [last, each.evaluation.final_return(returns)] == [network.num_evaluations // 6, 1.0]


def test_learning_rates_are_tuned_alike_and_a_missing_seed_is_told(scripts, tmp_path):
    study = scripts.learning_rates.study("quick")
    rates = [each.optimizer.learning_rate for each in study.experiments]
    assert rates == [1e-4, 3e-4, 1e-3, 3e-3, 1e-2] * 6
    assert study.experiments[0].total_steps == (120_000 // 0.8 + 100) // 3 // 4 * 4
    for index, each in enumerate(study.experiments):
        for seed in range(2):
            store(tmp_path, each, "sb3", seed, [0.0, -45.0 if seed and index == 4 else 10.0 * (index % 5)])
    grid = scripts.choose.grid(tmp_path, "quick")
    assert grid["dense, as many parameters"] == {
        1e-4: {0: 0.0, 1: 0.0},
        3e-4: {0: 10.0, 1: 10.0},
        1e-3: {0: 20.0, 1: 20.0},
        3e-3: {0: 30.0, 1: 30.0},
        1e-2: {0: 40.0, 1: -45.0},
    }
    assert [scripts.choose.best(of_rate) for of_rate in grid.values()] == [3e-3] + [1e-2] * 5
    assert scripts.choose.best({1e-4: {0: 1.0}, 1e-3: {0: None}}) == 1e-4
    store(tmp_path, study.experiments[4], "sb3", 2, [0.0, 1.0])
    with pytest.raises(UserError, match=r"seeds are missing, of dense, as many parameters at 0\.0001"):
        scripts.choose.grid(tmp_path, "quick")


def test_results_are_written_from_runs_and_again_from_what_is_kept(scripts, tmp_path, capsys, monkeypatch):
    names = scripts.six_networks
    chosen = {network.name: 3e-4 for network in names.NETWORKS}
    grid = {name: {"0.0003": [1.0, None], "0.001": [2.0, 4.0]} for name in chosen}
    known = {"environment": "HalfCheetah-v5", "chosen": chosen, "final_returns": grid}
    names.write("learning_rates.json", known)
    study = scripts.return_against_seconds.study("quick")
    random = np.random.default_rng(0)
    levels = random.normal(0, 300, 4)  # what seeds have in common
    for number, each in enumerate(study.experiments):
        network = names.NETWORKS[number % 6]
        for seed in range(3 if network.name == "pruned to 90 %" else 4):
            ends = 5_000 + 1_000 * GAINS.get(network.name, 0.0) + levels[seed] + random.normal(0, 50)
            store(tmp_path, each, "sb3", seed, np.linspace(0, ends, network.num_evaluations + 1), seconds=40 * 60 / 12)
    monkeypatch.setattr("sys.argv", ["collect.py", str(tmp_path)])
    scripts.collect.main()
    page = (scripts.folder / "README.md").read_text()
    claims = re.search(r"\*\*HalfCheetah-v5\*\*, final returns of 120 s, beside.*", page)[0]
    assert "dense, 256 units better" in claims
    assert "static, 90 % sparse worse" in claims
    assert "dense, as many FLOPs not told apart" in claims
    assert "3 seeds, the same for all networks, 0 runs diverged" in page
    assert "Final returns are means over the last 2 evaluations, of *pruned to 90 %* the last 4." in page
    lines = [line for line in page.splitlines() if line.startswith("| dense, as many parameters | 23,114")]
    assert len(lines) == 2
    assert page.index("| dense, as many parameters | 23,114") < page.index("| dense, 256 units | 217,870")
    assert "diverged (1, diverged)" in page
    figures = {file.name: file.read_bytes() for file in scripts.folder.glob("*.png")}
    assert set(figures) == {"return_against_seconds.png", "return_against_steps.png"}
    shutil.copytree(tmp_path, scripts.folder / "runs", ignore=shutil.ignore_patterns(scripts.folder.name))
    monkeypatch.setattr("sys.argv", ["collect.py"])
    scripts.collect.main()
    assert (scripts.folder / "README.md").read_text() == page
    assert {file.name: file.read_bytes() for file in scripts.folder.glob("*.png")} == figures
