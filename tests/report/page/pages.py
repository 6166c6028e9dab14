"""Pages from a few numbers, with the files that runs leave where a test needs these."""

import numpy as np
from matplotlib.figure import Figure

from report import synthetic
from report.page.hostile import TEXTS
from sparserl import persistence
from sparserl.experiment import from_preset, planned
from sparserl.persistence import RunId
from sparserl.report.claims import findings
from sparserl.report.figures import Drawn
from sparserl.report.page import Page, Part

INTERVALS = ("Intervals are 95 % percentile intervals of 2,000 stratified bootstrap samples of whole runs.",)


def finding(number, claim, statement, rule, verdict, detail="", missing=(), where="dqn, mlp", needs="ten seeds"):
    """What the runs say of a claim with one part."""
    part = findings.Part(statement, rule, verdict, None, detail, missing)
    return findings.Finding(number, claim, where, "quick", needs, (part,))


CLAIMS = (
    finding(1, "Sparse training beats small dense networks.", "RigL above dense", "above 0", "holds", "0.97 of dense"),
    finding(2, "Pruning is best.", "pruning above RigL", "the whole interval is above 0", "does not hold", "0.9"),
    finding(3, "Noise hurts less.", "RigL falls later", "five seeds", "not enough runs", "", ("5 seeds of RigL",)),
)


def drawn(title="Return by method", name="figure", **others):
    """A figure with two lines and the numbers behind it."""
    figure = Figure(figsize=(6, 3.2))
    axes = figure.subplots()
    axes.plot([0, 1, 2], [0, 80, 100], label="RigL")
    axes.plot([0, 1, 2], [0, 90, 120], label="Dense")
    axes.set_xlabel("environment steps")
    table = (("RigL", 0.9, 100.0, None), ("Dense", 0.0, 120.0, 3))
    known = {"header": ("method", "sparsity", "return", "seeds"), "table": table, "notes": ("2 runs are missing.",)}
    words = "RigL reaches 100 and dense networks 120."
    return Drawn(**{"name": name, "title": title, "figure": figure, "alternative_text": words, **known, **others})


def runs(folder=None, environments=("Acrobot-v1",), num_seeds=3):
    """Runs of dense and sparse networks; the last seed of RigL has failed."""
    made = []
    for environment in environments:
        for method, sparsity, best in (("dense", 0.0, 120.0), ("static", 0.9, 80.0), ("rigl", 0.9, 100.0)):
            for seed in range(num_seeds):
                failed = method == "rigl" and seed == num_seeds - 1
                status = "failed" if failed else "finished"
                made.append(synthetic.run(method, sparsity, best + seed, seed, environment=environment, status=status))
    return made


def page(made=None, title="figure 8 at scale quick", **others):
    """A page of one part, as a study gives it."""
    selection = synthetic.selection(
        runs() if made is None else made, name="figure_8", scale="quick", question="Do sparse networks learn as well?"
    )
    answers = ("RigL keeps 0.97 (0.91 to 1.02) of dense at 90 %; 10 seeds", "Static keeps 0.7 (0.6 to 0.8)")
    part = Part(title, selection, answers, CLAIMS, (drawn(),))
    return Page(title, (part,), INTERVALS)._replace(**others)


def stored_run(directory, log="", message="", status="failed", steps=(0, 100, 200), **choices):
    """A run of a real experiment with the files that a worker leaves, and its synthetic rows as a `Run`."""
    experiment = planned(from_preset("dqn", "rigl", "CartPole-v1", sparsity=0.9, **choices))
    document = {"choices": experiment.choices(), "versions": {"jax": "0.10.2"}, "machine": {"cpu_model": "EPYC"}}
    experiment_folder = persistence.plan_experiment(directory, experiment.identifier, document)
    folder = experiment_folder / "seed=0"
    folder.mkdir()
    (folder / "log.txt").write_bytes(log.encode(errors="surrogatepass"))
    common = {"experiment_id": experiment.identifier, "agent": "dqn", "method": "rigl", "environment": "CartPole-v1"}
    common |= {"sparsity": 0.9, "seed": 0}
    rows = [
        {**common, "environment_steps": step, "num_updates": step // 2, "network": "q", "layer": layer, "side": side}
        | {"weights_per_unit": 8, "live_weights": live_weights(step, units)}
        for step in steps
        for layer, inputs, outputs in (("hidden_1", 4, 16), ("output", 16, 2))
        for side, units in (("input", inputs), ("output", outputs))
    ]
    persistence.write_table(persistence.TOPOLOGY, folder, rows)
    made = synthetic.run(status=status, folder=folder, returns=np.linspace(0, 9, len(steps)), steps=steps[-1])
    told = made.status._replace(message=message)
    return made._replace(id=RunId(experiment.identifier, 0), status=told)


def live_weights(step, units):
    """Counts that change over training, with a unit that falls silent."""
    return [0 if unit == 1 and step else (unit + step // 100) % 9 for unit in range(units)]


def hostile_page(folder):
    """A page with every hostile text in every field that a text can come into."""
    made = [
        synthetic.run(
            text,
            seed=number,
            agent=text,
            environment=text,
            network_kind=text,
            distribution=text,
            preset=text,
        )._replace(status=persistence.Status("failed", message=text, host=text, started=text, forced=(text, text)))
        for number, text in enumerate(TEXTS)
    ]
    made.append(_hostile_files(folder))
    figure = drawn().figure
    table = tuple((text, number, text) for number, text in enumerate(TEXTS))
    figures = tuple(
        Drawn(text, text, figure, text, (text, text, text), table if not number else (), TEXTS if not number else ())
        for number, text in enumerate(TEXTS[:: len(TEXTS) // 8])
    )
    claims = tuple(finding(1, text, text, text, text, text, (text,), text, text) for text in TEXTS)
    selection = synthetic.selection(made, name=TEXTS[0], scale=TEXTS[1], question=TEXTS[2])
    selection = selection._replace(missing=tuple(RunId(text, 0) for text in TEXTS), problems=TEXTS)
    return Page(TEXTS[3], (Part(TEXTS[4], selection, TEXTS, claims, figures),), TEXTS, TEXTS)


def _hostile_files(directory):
    """A run whose files say what a stranger wants."""
    run = stored_run(directory, log="\n".join(TEXTS))
    texts = [text.encode(errors="replace").decode() for text in TEXTS]
    said = {f"{number} {text}": text for number, text in enumerate(texts)}
    parts = {name: {"name": texts[7]} for name in ("agent", "method", "network")}
    choices = {**parts, "environment": texts[8], **said, "list": texts}
    document = {"choices": choices, "versions": said, "machine": said, "facts": {"preset": texts[9]}}
    persistence.write_document(run.folder.parent / "experiment.json", document)
    rows = persistence.read_topology(run.folder).to_pylist()
    hostile = [{**row, "network": texts[5], "layer": f"{texts[6]}{row['layer']}"} for row in rows]
    persistence.write_table(persistence.TOPOLOGY, run.folder, hostile)
    return run._replace(columns={**run.columns, "agent": TEXTS[5]})
