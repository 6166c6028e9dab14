"""Tables: rows of words on standard output, as wide as they need to be."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sparserl.cli.output import stream
from sparserl.seen import seen


def print_table(names: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int) -> None:
    """Print columns of these names, the ones from index `numbers_from` on to the right; folded only in a terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for index, name in enumerate(names):
        table.add_column(name, justify="right" if index >= numbers_from else "left", overflow="fold")
    for row in rows:
        table.add_row(*(seen(cell, kept="") for cell in row))
    width = None if stream().isatty() else 1_000
    console = Console(file=stream(), markup=False, highlight=False, emoji=False, width=width)
    with console.capture() as captured:
        console.print(table)
    print(
        "\n".join(line.rstrip() for line in captured.get().splitlines()), file=stream()
    )  # with the terminal's colours


def number(value: float | None, form: str = ".4g") -> str:
    """`value` in few digits, or a dash where it is not known."""
    return "-" if value is None else f"{value:{form}}"


def size(count: int) -> str:
    """Bytes, as in 1.2 MB."""
    return next(
        (f"{count / 1000**power:,.1f} {unit}" for power, unit in ((3, "GB"), (2, "MB")) if count >= 1000**power),
        f"{count / 1000:,.0f} kB",
    )
