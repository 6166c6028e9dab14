"""Turns: programs that are compared take turns on one core, so that what slows the machine slows all of them alike.

What the benchmarks over seeds share: their options, the turns, and how they tell what came out.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Program = Callable[[], None]  # does its work once, and waits for it; compiled
DENSE = "dense"


def parser_of(description: str | None, amount: str, default: int, repeats: int) -> argparse.ArgumentParser:
    """The options of a benchmark over seeds; `amount` is what each seed makes in one measurement: updates, or steps."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=at_least_1, nargs="+", default=[1, 8])
    parser.add_argument(f"--{amount}", type=at_least_1, default=default, help="of each seed, in one measurement")
    parser.add_argument("--repeats", type=at_least_1, default=repeats)
    parser.add_argument("--json", action="store_true")
    return parser


def at_least_1(text: str) -> int:
    if not (text.isdecimal() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1")
    return int(text)


def seconds_in_turn(
    programs: Mapping[str, Program], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of each program in each round, in which every program has its turn."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            began = clock()
            program()
            seconds[name].append(clock() - began)
    return seconds


def over_dense(seconds: Mapping[str, Sequence[float]], name: str) -> list[float]:
    """How many times the time of the dense program one took, round by round."""
    return [own / dense for own, dense in zip(seconds[name], seconds[DENSE], strict=True)]


def median_over_dense(seconds: Mapping[str, Sequence[float]], name: str) -> float:
    return statistics.median(over_dense(seconds, name))


def print_json(rows: Sequence[Mapping[str, Any]], **about: Any) -> None:
    """All rows as one document, with the device that they were measured on."""
    from sparserl.experiment import RESULTS_VERSION

    about = {"results_version": RESULTS_VERSION, **about}
    print(json.dumps({**about, "device": device(), "rows": list(rows)}, indent=2))


def device() -> str:
    import jax

    return str(jax.devices()[0].device_kind)
