"""The summary of a study: counts, how far it is, and every run that needs attention, with cause and log."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sparserl.cli.output import put
from sparserl.cli.study import noise
from sparserl.cli.tables import print_table
from sparserl.engine.claims import engine_of
from sparserl.engine.failures import Failures, read_failures
from sparserl.engine.overview import RunState, counts, overview
from sparserl.persistence import several_classes
from sparserl.persistence.studies import StoredStudy
from sparserl.processes.outcomes import LOG_NAME
from sparserl.study.recording import lacking

_PROBLEMS = ("failed", "diverged", "damaged")
_MOST_ROWS = 30  # of a table for people; the JSON document has all


def document(stored: StoredStudy, directory: Path) -> dict[str, Any]:
    """A study and all its runs, as `--json` prints them, with the log of each failed run."""
    folders = [run.folder(directory) for run in stored.runs]
    states = overview(folders)
    steps = {experiment.identifier: experiment.environment_steps for experiment in stored.experiments}
    totals = [steps[run.experiment] for run in stored.runs]
    failures, engine = read_failures(stored.folder), engine_of(stored.folder)
    return {
        "study": stored.name,
        "scale": stored.scale,
        "preset": stored.preset,
        "question": stored.question,
        "directory": str(directory),
        "engine": None if engine is None else {"host": engine.host, "process_id": engine.process_id},
        "counts": counts(states),
        "num_without_diagnostics": len(lacking(run for run in folders if run.parent.name in stored.diagnosed)),
        "noise": noise.document(stored, states, failures),
        "num_broken_off": sum(state.num_breaks > 0 for state in states),
        "machine_classes": _several_classes(stored, states),
        "environment_steps": sum(map(_steps, states, totals)),
        "total_environment_steps": sum(totals),
        "runs": [_run(str(run), state, failures) for run, state in zip(stored.runs, states, strict=True)],
    }


def show(summary: Mapping[str, Any]) -> None:
    """Print the document for people."""
    done, total = summary["environment_steps"], summary["total_environment_steps"]
    engine = summary["engine"]
    who = f"run by process {engine['process_id']} on {engine['host']}" if engine else "not being run"
    preset = f", preset {summary['preset']}" if summary["preset"] else ""
    put(f"{summary['study']}@{summary['scale']}{preset}, {who}: {summary['question']}")
    steps = f"; {done / total:.1%} of {total:,} steps" if total else ""
    put(told(summary["counts"], len(summary["runs"])) + steps)
    if summary["num_without_diagnostics"]:
        put(without_diagnostics(summary["num_without_diagnostics"]))
    if summary["noise"] is not None:
        for line in noise.in_words(summary["noise"]):
            put(line)
    if summary["num_broken_off"]:
        put(f"{broken_off(summary['num_broken_off'])} (num_breaks in --json)")
    if summary["machine_classes"]:
        put(summary["machine_classes"])
    problems = [run for run in summary["runs"] if run["status"] in _PROBLEMS]
    if not problems:
        return
    put()
    rows = [
        (
            run["run"],
            run["status"],
            f"{run['environment_steps']:,}",
            str(run["tries"] or "-"),
            run["message"],
            run["log"],
        )
        for run in problems[:_MOST_ROWS]
    ]
    print_table(("run", "status", "step", "failures", "cause", "log"), rows, numbers_from=6)
    if len(problems) > _MOST_ROWS:
        put(f"and {len(problems) - _MOST_ROWS} more; --json lists all")
    if any(run["status"] != "diverged" for run in problems):
        put(f"\n`sparserl study retry {summary['study']}` starts failed runs again; a diverged one is a result")


def _several_classes(stored: StoredStudy, states: Sequence[RunState]) -> str | None:
    """Says that runs of an experiment were trained in different machine classes; None where none were."""
    machines: dict[str, list[Mapping[str, str] | None]] = {}
    for run, state in zip(stored.runs, states, strict=True):
        machines.setdefault(run.experiment, []).append(state.machine)
    return several_classes(machines)


def without_diagnostics(num_runs: int) -> str:
    """Says how many runs lack the diagnostics that the study wants, and what can be done."""
    which = "1 run was begun" if num_runs == 1 else f"{num_runs:,} runs were begun"
    return f"{which} without the diagnostics that this study shows: --rerun-without-diagnostics trains them again"


def broken_off(num_runs: int) -> str:
    """Says how many runs have gone on with fresh episodes."""
    which = "1 run" if num_runs == 1 else f"{num_runs:,} runs"
    return f"{which} went on with fresh episodes after a stop: bits are not promised"


def told(states: Mapping[str, int], num_runs: int) -> str:
    """Such as 12 of 40 runs finished, 1 diverged, 2 failed, 2 running, 23 waiting."""
    if not num_runs:
        return "it needs no runs"
    rest = [f"{count} {state}" for state, count in states.items() if count and state != "finished"]
    return ", ".join([f"{states['finished']} of {num_runs} runs finished", *rest])


def _steps(state: RunState, total: int) -> int:
    return total if state.state == "finished" else min(state.environment_steps, total)


def _run(name: str, state: RunState, failures: Failures) -> dict[str, Any]:
    failed = failures.get(name, ())
    message = state.message or (failed[-1].message if failed and state.state == "failed" else "")
    return {
        "run": name,
        "status": state.state,
        "environment_steps": state.environment_steps,
        "final_return": state.final_return,
        "num_breaks": state.num_breaks,
        "tries": len(failed),
        "message": message,
        "log": f"{state.run_folder}/{LOG_NAME}" if state.state in _PROBLEMS else None,
    }
