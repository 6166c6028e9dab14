"""`sparserl bench`: what truly sparse networks cost beside dense ones, side by side in one run."""

import dataclasses
import json
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from sparserl import bench, persistence
from sparserl.cli.arguments import Json, in_options, options_of, parse
from sparserl.cli.output import put
from sparserl.cli.tables import number, print_table
from sparserl.types import UserError

_DESCRIPTION = """Measure what sparse networks cost beside dense ones, in one run: ratios to dense, more is faster.

NAME is one of
  updates      whole gradient updates of DQN and SAC, and their memory; the default
  kernels      single products, also in other libraries that are installed
  inference    a whole policy, call by call
  break-even   up to which density a layer is faster compressed: the table that --storage auto reads

One process with one thread runs on every core, all at the same time; variants take turns in each of them."""

_EXAMPLES: Mapping[str, str] = {
    "updates": "--sparsities 0.9 0.95",
    "kernels": "--sparsities 0.9 --shapes 512x512 --batch-sizes 1 128",
    "inference": "--sparsities 0.9 --hidden-units 512",
    "break-even": "--sizes 64 512 --output break_even.json",
}
_HELP: Mapping[str, str] = {
    "sparsities": "Fractions of the weights that are zero, each at least 0 and below 1.",
    "works": "What to measure: dqn_update, sac_update.",
    "variants": "What to measure beside dense: masked, compressed, compressed_rigl (with topology updates), auto, "
    "masked_rigl (as sparse peers do it: dense gradients at each step, ranks by sorting).",
    "hidden_units": "Widths of the hidden layers; updates: none means 512 512 for DQN and 256 256 for SAC.",
    "batch_size": "Transitions of an update; none: 128 for DQN and 256 for SAC.",
    "replay_steps": "Transitions in the replay, which is full.",
    "interval_updates": "Updates between the topology updates of compressed_rigl and masked_rigl.",
    "shapes": "Kernels as INPUTSxOUTPUTS.",
    "sizes": "Inputs and outputs of kernels, each with each.",
    "batch_sizes": "Columns of activations.",
    "full": "Every shape with every sparsity and batch size; otherwise along each axis through the middle.",
    "repetitions": "Rounds in which the variants take turns; medians count.",
    "window_seconds": "How long a variant's turn lasts at least.",
    "processes": "One-thread processes at once, each on a core of its own; none: one on every core.",
}
_CASE = ("inputs", "outputs", "hidden_units", "batch_size", "sparsity")  # what tells cases of a work apart


@dataclasses.dataclass(frozen=True)
class Own:
    """The options of `bench` beside those that say what to measure."""

    output: Annotated[Path | None, tyro.conf.arg(help="Write the JSON document to this file, too.")] = None
    json: Json = False


def main(words: Sequence[str]) -> int:
    """Measure what `words` ask for."""
    name, rest = _name(words)
    options, own = _read(name, rest)
    if own.output is not None:
        _make_writable(own.output)
    with in_options(options_of(options)):
        document = bench.run(options, lambda line: print(line, file=sys.stderr))
    text = json.dumps(document, indent=1, allow_nan=False)
    if own.output is not None:
        own.output.write_text(text + "\n", encoding="utf-8")
    if own.json or (name == "break-even" and own.output is None):
        put(text)
    else:
        _show(document)
    return 0


def _name(words: Sequence[str]) -> tuple[str, list[str]]:
    """The bench that the first word names, or the default, and the words after it."""
    if not words or words[0].startswith("-"):
        return "updates", list(words)
    if words[0] not in bench.BENCHES:
        raise UserError(f"unknown bench {words[0]!r}", value=words[0], allowed=bench.BENCHES)
    return words[0], list(words[1:])


def _read(name: str, words: Sequence[str]) -> tuple[bench.BenchOptions, Own]:
    """The options of the bench and those of the command, parsed as one flat dataclass."""
    template, own = bench.BENCHES[name](), Own()
    hints = {key: Annotated[hint, _explanation(key)] for key, hint in typing.get_type_hints(type(template)).items()}
    hints |= typing.get_type_hints(Own, include_extras=True)
    values = vars(template) | vars(own)
    both = dataclasses.make_dataclass("Options", [(key, hints[key]) for key in values], frozen=True)(**values)
    program = f"sparserl bench {name}"
    description = f"{_DESCRIPTION}\n\nexample:\n  {program} {_EXAMPLES[name]}"
    chosen = vars(parse(both, words, program, description))
    of = lambda fields: {key: chosen[key] for key in vars(fields)}
    with in_options(options_of(both)):
        return dataclasses.replace(template, **of(template)), Own(**of(own))


def _explanation(name: str) -> Any:
    return tyro.conf.arg(help=_HELP.get(name))


def _make_writable(file: Path) -> None:
    """Refuse a file that cannot be written before the measurement, which takes minutes, and not after it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a").close()
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from error


def _show(document: Mapping[str, Any]) -> None:
    machine, rows = document["machine"], document["rows"]
    if rows and "work" not in rows[0]:
        _show_break_even(rows)
    for work in dict.fromkeys(row.get("work") for row in rows if "work" in row):
        _show_work(work, [row for row in rows if row["work"] == work])
    put(
        f"{machine['num_processes']} processes on {machine['num_cores']} cores, {persistence.processor_name(machine)}, "
        f"kernels for {machine['instruction_set'] or 'none'}"
    )
    for note in document["notes"]:
        put(note)


def _show_work(work: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Ratios first, then times, then what only compressed variants have."""
    names = [name for name in _CASE if name in rows[0]]
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    cases: dict[tuple[str, ...], dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        cases.setdefault(tuple(_word(row[name]) for name in names), {})[row["variant"]] = row
    titles = [name.replace("_", " ") for name in names]

    def show(what: str, shown: Sequence[str], cell: Callable[[Mapping[str, Any]], str]) -> None:
        lines = [(*case, *(cell(of[name]) if name in of else "-" for name in shown)) for case, of in cases.items()]
        put(f"{work}, {what}\n")
        print_table((*titles, *shown), lines, numbers_from=0)
        put()

    others = [name for name in variants if name != "dense"]
    show("times as fast as dense (lowest to highest of single rounds)", others, _ratio)
    show("microseconds", variants, lambda row: _microseconds(row["seconds_median"]))
    if "memory_bytes" in rows[0]:
        show("memory beside dense", others, lambda row: f"{row['memory_fraction_of_dense']:.3f}")
    packed = [name for name in variants if any("seconds_products" in of.get(name, {}) for of in cases.values())]
    if packed:
        show("microseconds of products + floor", packed, _parts)
    if "live_gflop_per_second" in rows[0]:
        show("GFLOP/s over live weights", variants, lambda row: number(row["live_gflop_per_second"], ".3g"))


def _show_break_even(rows: Sequence[Mapping[str, Any]]) -> None:
    names = ("inputs", "outputs", "batch_size")
    print_table(
        ("inputs", "outputs", "batch", "faster compressed up to density"),
        [(*(str(row[name]) for name in names), f"{row['density']:g}") for row in rows],
        numbers_from=0,
    )
    put()


def _ratio(row: Mapping[str, Any]) -> str:
    return f"{row['ratio_to_dense']:.2f} ({row['ratio_lowest']:.2f} to {row['ratio_highest']:.2f})"


def _parts(row: Mapping[str, Any]) -> str:
    if "seconds_products" not in row:
        return "-"
    return f"{_microseconds(row['seconds_products'])} + {_microseconds(row['seconds_floor'])}"


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f}"


def _word(value: Any) -> str:
    return " x ".join(map(str, value)) if isinstance(value, list) else f"{value:g}"
