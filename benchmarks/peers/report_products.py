"""What README.md of the peers' benchmark says of single updates, and of products in sparse libraries."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.peers.summary import Rows, Spread, times
from sparserl.report.markdown import table

HOW_UPDATES = """\
`masked_rigl` is RigL as sparse peers do it: masks on dense arrays, dense gradients at every update, and ranks by
sorting every 1,000. `masked` is static. All have one loop, one replay and one network (`sparserl bench updates`).
"""
HOW_PRODUCTS = """\
One core, one thread. The layer is product, bias and relu, and the gradients of kernel, bias and x. PyTorch's CSR has
products and sampled products; SciPy's has products, to which gathered rows are added; BCSR and BCOO are JAX's.
"""


def updates(rows: Rows, instructions: str) -> Iterator[str]:
    found = [each for row in _of_part(rows, "updates", instructions) for each in row["values"]["rows"]]
    if not found:
        return
    yield "\n### An update at 90 %, in our loop\n"
    yield HOW_UPDATES
    lines = [
        (
            row["work"],
            row["variant"],
            f"{row['seconds_median'] * 1e6:,.0f}",
            times(Spread(row["ratio_to_dense"], row["ratio_lowest"], row["ratio_highest"])),
            f"{row['memory_fraction_of_dense']:.2f}",
        )
        for row in found
    ]
    yield table(("", "", "microseconds", "x dense", "memory / dense"), lines, 2)


def products(rows: Rows, instructions: str) -> Iterator[str]:
    found = [each for row in _of_part(rows, "products", instructions) for each in row["values"]["rows"]]
    if not found:
        return
    yield "\n### Products of one layer, times as fast as dense XLA\n"
    yield HOW_PRODUCTS
    libraries = [name for name in dict.fromkeys(row["variant"] for row in found) if name != "dense"]
    sizes = ("work", "inputs", "outputs", "sparsity", "batch_size")
    cases: dict[tuple[Any, ...], dict[str, Mapping[str, Any]]] = {}
    for row in found:
        cases.setdefault(tuple(row[name] for name in sizes), {})[row["variant"]] = row
    lines = [
        (
            case[0].removeprefix("kernel_").replace("_", " "),
            f"{case[1]} x {case[2]}",
            f"{case[3]:.0%}",
            str(case[4]),
            f"{of['dense']['seconds_median'] * 1e6:,.1f}",
            *(f"{of[name]['ratio_to_dense']:.2f}" if name in of else "-" for name in libraries),
        )
        for case, of in cases.items()
    ]
    yield table(("", "kernel", "sparsity", "batch", "dense, us", *libraries), lines, 1)


def _of_part(rows: Rows, part: str, instructions: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if (row["key"]["part"], row["key"]["instructions"]) == (part, instructions)]
