"""Runs and selections from a few numbers, without training: what tests of figures, claims and pages begin with."""

import dataclasses
import functools
import hashlib
import math
from pathlib import Path

import numpy as np
import pyarrow as pa

from sparserl import persistence
from sparserl.parts import mean_of_last
from sparserl.persistence import RunId, Status, StoredExperiment, StoredStudy
from sparserl.persistence.studies import study_folder
from sparserl.report.roles import with_roles
from sparserl.report.runs import Results, Run, run_of
from sparserl.report.selection import everything, select
from sparserl.study.files import from_catalogue, load
from sparserl.study.matches import matches
from sparserl.study.storing import experiment_document

FULL_PARAMETERS = 1_000  # of every synthetic network, dead weights included


def run(
    method="rigl",
    sparsity=0.9,
    final_return=100.0,
    seed=0,
    *,
    agent="dqn",
    environment="CartPole-v1",
    returns=None,
    evaluations=5,
    steps=1_000,
    seconds=60.0,
    status="finished",
    folder=None,
    **columns,
):
    """A run whose return rises to `final_return`, or has these `returns`; `columns` are facts or choices with dots.

    A dense network has all parameters alive, any other its share of them; give `live_parameters` or `parameters` for
    another size. `status` None: it wrote none.
    """
    dense = method == "dense"
    live = FULL_PARAMETERS if dense else round(FULL_PARAMETERS * (1 - sparsity))
    told = {
        "agent": agent,
        "method": method,
        "environment": environment,
        "sparsity": 0.0 if dense else sparsity,
        **dict.fromkeys(persistence.FACTS),
        "results_version": 5,
        "preset": "paper",
        "network_kind": "mlp",
        "distribution": "erk",
        "storage": "masked",
        "parameters": columns.get("live_parameters", FULL_PARAMETERS) if dense else FULL_PARAMETERS,
        "live_parameters": live,
        "macs": FULL_PARAMETERS,
        "live_macs": columns.get("live_parameters", live),
        "randomness": "seeded",
        "network.name": "mlp",
        "network.hidden_units": (10, 10),
        **columns,
    }
    named = {name: value for name, value in told.items() if name not in ("results_version", "preset")}
    experiment = persistence.experiment_id(f"{agent}-{method}-{environment}-{told['sparsity']:g}", named)
    values = np.linspace(0.0, final_return, evaluations) if returns is None else np.asarray(returns, np.float64)
    along = np.linspace(0, 1, len(values))
    final = float(values[-1]) if status == "finished" and math.isfinite(values[-1]) else None
    return Run(
        RunId(experiment, seed),
        folder,
        {"experiment_id": experiment, **told, "seed": seed},
        None if status is None else Status(status, steps, final_return=final, seconds=seconds),
        np.round(along * steps).astype(np.int64),
        np.round(along * steps / 4).astype(np.int64),
        values,
        along * seconds,
        final,
    )


def seeds(final_returns, method="rigl", sparsity=0.9, **others):
    """One run for each of these final returns: seeds 0, 1, and so on of one experiment."""
    return [run(method, sparsity, value, seed, **others) for seed, value in enumerate(final_returns)]


def selection(runs, **replaced):
    """The runs as `everything` selects them, with roles; `replaced` are fields of `Selection`, as figures."""
    results = Results(None, with_roles(sorted(runs, key=lambda each: each.id)))
    return everything(results)._replace(**replaced)


# The rows of a study of the catalogue, on the identifiers of its experiments, and their files.

BEST = {"CartPole": 500.0, "Acrobot": -80.0, "MountainCar": -110.0, "HalfCheetah": 9_000.0, "Walker2d": 4_000.0}
WORST = {"CartPole": 20.0, "Acrobot": -500.0, "MountainCar": -200.0}
MOMENT = "2026-11-29T00:00:00+00:00"
_OF_A_STUDY = ("name", "scale", "preset", "question", "num_seeds", "experiments", "figures", "waiting", "diagnostics")
_OF_A_STUDY += ("created",)
KEPT = {"dense": 1.0, "prune": 0.98, "rigl": 0.95, "set": 0.93, "static": 0.85}  # of the return, at 90 %


@functools.cache
def planned(name, scale="smoke"):
    """A study, of the catalogue or of a file, what its study.json says of experiments, and each experiment.json."""
    study = load(name, scale) if name.endswith(".py") else from_catalogue(name, scale)
    documents = {
        each.identifier: experiment_document(each, study.preset, study.budgets.get(each.identifier))
        for each in study.experiments
    }
    stands_for = matches(study.experiments)
    summaries = [
        StoredExperiment(
            each.identifier,
            each.agent_name,
            each.method_name,
            each.environment,
            each.sparsity,
            each.total_steps * each.num_environments,
            {key: sizes["live_parameters"] for key, sizes in documents[each.identifier]["networks"].items()},
            documents[each.identifier]["facts"],
            tuple(match._asdict() for match in stands_for[each.identifier]),
        )
        for each in study.experiments
    ]
    diagnosed = frozenset(each.identifier for each in study.experiments if study.is_diagnosed(each.identifier))
    figures = tuple(dataclasses.asdict(figure) for figure in study.figures)
    plan = (study.name, scale, study.question, tuple(summaries), study.num_seeds, figures)
    return StoredStudy(Path(name), *plan, study.waiting, "", diagnosed, study.preset), documents


def evaluations(experiment, document, seed):
    """Rows of a run that learns, to less the fewer weights are alive, by method; seeds differ, and always alike."""
    choices, environment = document["choices"], experiment.environment
    game = environment.removeprefix("MinAtar/").partition("-")[0]
    best, worst = BEST.get(game, 100.0), WORST.get(game, 0.0)
    chance = np.random.default_rng(int(hashlib.sha256(f"{experiment.identifier}/{seed}".encode()).hexdigest()[:8], 16))
    dense_loss = 0.0 if not experiment.matches else 0.1
    share = KEPT.get(experiment.method, 0.9) ** (experiment.sparsity / 0.9) - dense_loss
    end = worst + (best - worst) * share * (1 + 0.05 * chance.standard_normal())
    interval, total = choices["evaluation"]["interval_steps"], choices["total_steps"]
    stops = sorted({*range(0, total, interval), total})
    facts = {name: document["facts"][name] for name in persistence.FACTS}
    return [
        {
            "experiment_id": experiment.identifier,
            "agent": experiment.agent,
            "method": experiment.method,
            "environment": environment,
            "sparsity": experiment.sparsity,
            "seed": seed,
            "environment_steps": stop * choices["num_environments"],
            "num_updates": stop // 4,
            "mean_return": float(worst + (end - worst) * (1 - math.exp(-3 * stop / total))),
            "standard_deviation": 5.0,
            "minimum_return": float(worst),
            "maximum_return": float(max(end, worst)),
            "num_episodes": choices["evaluation"]["num_episodes"],
            "mean_length_steps": 100.0,
            "live_density": facts["live_parameters"] / facts["parameters"],
            "seconds": 60.0 * stop / total * (0.2 + 0.8 * facts["live_macs"] / facts["macs"]),
            **facts,
            "num_breaks": 0,
        }
        for stop in stops
    ]


def catalogue_selection(name, scale="smoke", num_seeds=None, keep=lambda run: True):
    """A study, as `planned` has it, with all runs finished, or those for which `keep(RunId)`; nothing is on disk."""
    study, documents = planned(name, scale)
    study = study._replace(num_seeds=num_seeds or study.num_seeds)
    known = {each.identifier: each for each in study.experiments}
    runs = []
    for each in study.runs:
        if keep(each):
            rows = evaluations(known[each.experiment], documents[each.experiment], each.seed)
            table = pa.Table.from_pylist(rows, persistence.EVALUATION_SCHEMA)
            runs.append(run_of(each, None, table, Status("finished"), documents[each.experiment]))
    return select(Results(None, tuple(sorted(runs, key=lambda each: each.id))), study)


def store_study(directory, name, scale="smoke", num_seeds=None, keep=lambda run: True):
    """Write such a study as a finished one is on disk, with diagnostics where it records them; returns its folder."""
    study, documents = planned(name, scale)
    num_seeds = num_seeds or study.num_seeds
    folder = study_folder(directory, name, scale)
    described = study._asdict() | {"num_seeds": num_seeds, "diagnostics": sorted(study.diagnosed), "created": "now"}
    described["experiments"] = [each._asdict() for each in study.experiments]
    persistence.write_document(folder / "study.json", {key: described[key] for key in _OF_A_STUDY})
    for experiment in study.experiments:
        document = documents[experiment.identifier]
        persistence.plan_experiment(directory, experiment.identifier, document)
        for seed in range(num_seeds):
            if keep(run := RunId(experiment.identifier, seed)):
                rows = evaluations(experiment, document, seed)
                store_run(run.folder(directory), rows, diagnosed=experiment.identifier in study.diagnosed)
    return folder


def store_run(folder, rows, status="finished", diagnosed=False):
    """Write the files of a run with these rows."""
    final = mean_of_last([row["mean_return"] for row in rows], 0.1) if status == "finished" else None
    persistence.write_table(persistence.EVALUATIONS, folder, rows)
    if diagnosed:
        persistence.write_table(persistence.DIAGNOSTICS, folder, [each for row in rows for each in diagnoses(row)])
    told = {"final_return": final, "environment_steps_per_second": 1_000.0, "process_id": 1, "host": "here"}
    persistence.write_status(folder, Status(status, rows[-1]["environment_steps"], started=MOMENT, **told))


def diagnoses(row):
    """Diagnostics at an evaluation, of two layers and of the network as a whole."""
    networks = {"dqn": ("q",), "sac": ("actor", "critic_1", "critic_2"), "ppo": ("actor", "value")}[row["agent"]]
    placed = {name: row[name] for name in persistence.DIAGNOSTICS_SCHEMA.names[:8]}
    for network in networks:
        for place, layer in enumerate(("all", "hidden_1", "output")):
            measured = dict.fromkeys(persistence.DIAGNOSTICS_SCHEMA.names[10:], 0.5)
            snr = (2.0 + place) / (1 + row["environment_steps"] / 200) * (1.0 if row["method"] == "dense" else 0.7)
            known = None if row["environment_steps"] == 0 else snr  # no gradients before the first update
            yield {**placed, "network": network, "layer": layer, **measured, "signal_to_noise": known}
