"""Kernels: single products of one layer in every library that has them, over shapes, sparsities and batch sizes."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sparserl.bench import libraries
from sparserl.bench.choices import KernelProducts, shape_of
from sparserl.bench.measuring import Candidate, Case
from sparserl.bench.problem import problem

CENTRE = ((512, 512), 0.9, 128)  # where the axes of the short grid cross
PRODUCTS = {"kernel_product": 1, "kernel_transposed_product": 1, "kernel_sampled_product": 1, "kernel_layer": 3}


class Cell(NamedTuple):
    """Sizes of one problem."""

    shape: tuple[int, int]
    sparsity: float
    batch_size: int


def grid(options: KernelProducts) -> list[Cell]:
    """All cells; without `full` those at most one size away from the centre (an axis without its size: its first)."""
    axes = ([shape_of(text) for text in options.shapes], options.sparsities, options.batch_sizes)
    centre = [wanted if wanted in axis else axis[0] for wanted, axis in zip(CENTRE, axes, strict=True)]
    near = lambda cell: sum(size != middle for size, middle in zip(cell, centre, strict=True)) <= 1
    cells = [Cell(*sizes) for sizes in itertools.product(*axes)]
    return cells if options.full else [cell for cell in cells if near(cell)]


def cases(options: KernelProducts) -> Iterator[Case]:
    """The four works of every cell."""
    for cell in grid(options):
        drawn = problem(*cell)
        calculations = libraries.calculations(drawn)
        for work in PRODUCTS:
            yield _case(cell, work, int(drawn.mask.sum()), calculations)


def notes() -> list[str]:
    """What is not measured and why, one line each."""
    return libraries.notes()


def _case(cell: Cell, work: str, live: int, calculations: Mapping[str, libraries.Works]) -> Case:
    facts: dict[str, Any] = {"live_weights": live, "live_flop": 2 * live * cell.batch_size * PRODUCTS[work]}
    candidates = [
        Candidate(name, libraries.running(works[work]), facts=facts)
        for name, works in calculations.items()
        if work in works
    ]
    sizes = {"inputs": cell.shape[0], "outputs": cell.shape[1], "batch_size": cell.batch_size}
    return Case(work, cell.sparsity, sizes, candidates)
