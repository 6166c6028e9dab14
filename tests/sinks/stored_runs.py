"""Runs as the results store has them, without training: written through persistence as a worker writes them."""

from sparserl import persistence

STARTED = "2026-01-01T00:00:00.000+00:00"


def evaluation(seed, steps, experiment="dqn-rigl-0a1b2c3d"):
    values = {name: 0.5 for name in persistence.EVALUATION_SCHEMA.names if name not in persistence.FACTS}
    words = {"experiment_id": experiment, "agent": "dqn", "method": "rigl", "environment": "CartPole-v1"}
    facts = {
        "results_version": 5,
        "preset": "paper",
        "network_kind": "mlp",
        "distribution": "erk",
        "storage": "masked",
        "randomness": "seeded",
    }
    sizes = {"parameters": 100, "live_parameters": 12, "macs": 90, "live_macs": 9, "budget": None, "actor_share": None}
    counts = {"seed": seed, "environment_steps": steps, "num_updates": steps // 2, "num_episodes": 5, "num_breaks": 0}
    return {**values, **words, **facts, **sizes, **counts, "mean_return": steps / 3}


def diagnosis(seed, steps, layer, **changes):
    values = dict.fromkeys(persistence.DIAGNOSTICS_SCHEMA.names, 0.25)
    told = {name: value for name, value in evaluation(seed, steps).items() if name in values}
    return {**values, **told, "network": "q", "layer": layer, "live_density": 0.1, **changes}


def put(directory, seed, num_evaluations, status="running", experiment="dqn-rigl-0a1b2c3d", diagnostics=False):
    """Bring a run to `num_evaluations`, one every 100 steps, and return its folder."""
    run = persistence.RunId(experiment, seed).folder(directory)
    steps = range(0, 100 * num_evaluations, 100)
    persistence.write_table(persistence.EVALUATIONS, run, [evaluation(seed, each, experiment) for each in steps])
    if diagnostics:
        layers = ("all", "dense_0")
        persistence.write_table(
            persistence.DIAGNOSTICS, run, [diagnosis(seed, each, layer) for each in steps for layer in layers]
        )
    last = steps[-1] if steps else 0
    final = 1.5 if status == "finished" else None
    persistence.write_status(run, persistence.Status(status, last, final_return=final, process_id=7, started=STARTED))
    return run


def expected(directory):
    """Every event of every run of a finished directory, in no order: (run, kind, steps or status)."""
    events = set()
    for run in directory.glob("*/seed=*"):
        name = f"{run.parent.name}/{run.name}"
        steps = persistence.read_evaluations(run)["environment_steps"].to_pylist()
        events |= {(name, "evaluation", each) for each in steps}
        if persistence.has_diagnostics(run):
            events |= {(name, "diagnostics", each) for each in steps}
        events.add((name, "status", persistence.read_status(run).status))
    return events
