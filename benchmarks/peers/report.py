"""README.md of the peers' benchmark, written from its cells."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cells import Book
from benchmarks.peers.figure import draw_rates, draw_returns
from benchmarks.peers.plan import SMOKE
from benchmarks.peers.processes import Candidate
from benchmarks.peers.report_products import products, updates
from benchmarks.peers.summary import (
    MARKS,
    Rows,
    final,
    over_peer,
    plain,
    rate,
    reached,
    returns,
    rounds,
    spread,
    summary,
    times,
    training,
)
from benchmarks.peers.tasks import TASKS
from sparserl.persistence import processor_name
from sparserl.report.markdown import table

HELD = {
    "widest": "All instructions of this processor",
    "avx2": "Held to AVX2 (XLA, our kernels, PyTorch and BLAS)",
}
NOTES = {
    "avx2": """\
What XLA compiles and what our kernels do is held. Dense products that XLA leaves to a library ask the processor itself
([machines](../../docs/machines.md#the-same-bits)), so that dense updates in JAX may still use more.""",
}
COMMAND = ".venv/bin/python -m benchmarks.peers"
HOW = """\
Candidates took turns; numbers are medians over rounds where there are several, and in brackets the lowest and highest
of single rounds. A ratio is to the better layout of a peer, and in its brackets are those of single rounds. Start-up
is from the start of a process to the end of its first update, nothing being cached: imports, compilation, and the
warm-up steps, which are the same for all. Memory is the peak of a process; ours has the whole replay from the start,
and that of peers grows."""
HOW_RETURNS = """\
One process per core, the same seeds for all. Seconds are those since a process began, evaluations left out. Means over
seeds, and in brackets the lowest and highest seed; beside them where the candidate stood by the other measure.
"""


def write_report(folder: Path, book: Book) -> None:
    """Write README.md and the figures, and the summary into the book's file."""
    held = list(dict.fromkeys(row["key"]["instructions"] for row in book.rows))
    drawn = [
        name
        for name, draw in (("rates.png", draw_rates), ("returns.png", draw_returns))
        if draw(folder / name, book.rows)
    ]
    (folder / "README.md").write_text("\n".join(_page(book, held, drawn)) + "\n")
    book.write({"summary": summary(book.rows)})


def _page(book: Book, held: Sequence[str], drawn: Sequence[str]) -> Iterator[str]:
    yield "# Ours beside Stable-Baselines3, SBX and sparse libraries\n"
    yield from _about(book)
    if "rates.png" in drawn:
        yield "\n![Steps per second](rates.png)"
    for instructions in held:
        yield f"\n## {HELD[instructions]}"
        if instructions in NOTES:
            yield f"\n{NOTES[instructions]}"
        yield from _marks(book.rows, instructions)
        for task in TASKS:
            yield from _training(book.rows, instructions, task)
        yield from _returns(book.rows, instructions, "returns.png" in drawn and instructions == held[0])
        yield from updates(book.rows, instructions)
        yield from products(book.rows, instructions)


def _about(book: Book) -> Iterator[str]:
    machine, theirs = book.about["machine"], book.about["peer_packages"]
    if any(row["settings"].get(SMOKE) for row in book.rows):
        yield "**Measured at the smallest size (`--smoke`): that it runs is all that these numbers say.**\n"
    ours = {name: version for name, version in machine["packages"].items() if version}
    used = f"{book.about['num_cores_used']} cores, {machine['cpu_features']}"
    yield f"{processor_name(machine)}, {used}, {machine['platform']}."
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in ours.items()) + "; peers: "
    yield ", ".join(f"{name} {version}" for name, version in theirs.items() if version) + ".\n"
    yield f"Written by `{COMMAND}` ([how](../../benchmarks/peers)) from [`peers.json`](peers.json):\n"
    yield f"    {_command(book.rows)}\n"
    yield HOW


def _command(rows: Rows) -> str:
    """The command that measures as many rounds and seeds as were; single parts may have been measured in fewer."""
    keys = [row["key"] for row in rows]
    held = " ".join(dict.fromkeys(key["instructions"] for key in keys))
    taken = {key["round"] for key in keys if key["part"] == "training"}
    seeds = {seed for key in keys if key["part"] == "returns" for seed in key["seeds"]}
    counts = {"rounds": len(taken), "seeds": len(seeds)}
    told = "".join(f" --{name} {count}" for name, count in counts.items() if count)
    return f"{COMMAND} --instructions {held}{told}"


def _marks(rows: Rows, instructions: str) -> Iterator[str]:
    lines = []
    for mark in MARKS:
        if (found := reached(rows, instructions, mark)) is not None:
            verdict = "reached" if found.median >= mark.aim else "**missed**"
            lines.append((mark.words, f"{mark.aim:g}", times(found), verdict))
    if lines:
        number = rounds(rows, instructions)
        turns = f"in {number} rounds" if number > 1 else "in a single round, so without a spread"
        what = "Whole-machine steps a second while training"
        yield f"\n{what}, {turns}, as many times those of a peer in its better layout:\n"
        yield table(("mark", "at least", "measured", "verdict"), lines)


def _training(rows: Rows, instructions: str, task: str) -> Iterator[str]:
    measured = training(rows, instructions, task)
    if not measured:
        return
    yield f"\n### {task}: training on {TASKS[task].environment}\n"
    lines = []
    for candidate, by_round in measured.items():
        ratios = [times(over_peer(measured, candidate, peer)) for peer in ("sbx", "stable-baselines3")]
        startup, memory = (
            spread([values[name] for values in by_round.values()]) for name in ("startup_seconds", "peak_memory_bytes")
        )
        cells = (plain(rate(by_round), ",.0f"), *ratios, f"{startup.median:.1f}", f"{memory.median / 1e6:,.0f}")
        lines.append((candidate.name, candidate.layout, *cells))
    titles = ("", "layout", "steps/s", "x SBX", "x SB3", "start-up, s", "memory, MB")
    yield table(titles, lines, numbers_from=2)


def _returns(rows: Rows, instructions: str, drawn: bool) -> Iterator[str]:
    by_task = {task: found for task in TASKS if (found := returns(rows, instructions, task))}
    if not by_task:
        return
    yield "\n### Return at equal steps and at equal seconds\n"
    yield HOW_RETURNS
    if drawn:
        yield "![Returns](returns.png)\n"
    lines = [line for task, found in by_task.items() for line in _finals(task, found)]
    yield table(("task", "", "seeds", "at so many steps", "return", "in s", "after s", "return", "at steps"), lines, 2)


def _finals(task: str, found: Mapping[Candidate, Sequence[Mapping[str, Any]]]) -> Iterator[tuple[str, ...]]:
    for candidate, evaluations in found.items():
        by_steps, by_seconds = (final(evaluations, by) for by in ("steps", "seconds"))
        yield (
            task,
            candidate.name,
            str(by_steps.num_seeds),
            f"{by_steps.steps:,.0f}",
            _returned(by_steps),
            f"{by_steps.seconds:,.0f}",
            f"{by_seconds.seconds:,.0f}",
            _returned(by_seconds),
            f"{by_seconds.steps:,.0f}",
        )


def _returned(found: Any) -> str:
    return f"{found.mean:,.1f} ({found.returns.lowest:,.1f} to {found.returns.highest:,.1f})"
