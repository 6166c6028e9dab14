"""Numbers: what pages say that was measured, by name, each from a file that is committed.

In a page a number stands between comments, `<!--= sac, rigl, by SBX -->6.6<!-- -->`, and a table between
`<!--table digits-->` and `<!--end of table-->`. A new number is a line here.
"""

import csv
import functools
import json
import re
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from evidence.kept import REPRODUCTION
from evidence.peers import beside_peers, marks, rounds_and_machine, steps, times
from evidence.returns import figure_5_returns, figure_8_shares, reach_the_goal

Number = Callable[[], str]


@functools.cache
def document(file: str) -> Any:
    """A file below `reproduction/`."""
    return json.loads((REPRODUCTION / file).read_text(encoding="utf-8"))


@functools.cache
def rows_of(file: str) -> list[dict[str, str]]:
    """The rows of a CSV file below `reproduction/`."""
    with (REPRODUCTION / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def ppo_return(method: str, at_steps: int | None = None) -> Number:
    """The mean return of all seeds of the PPO of `examples/`, over all evaluations or of one."""
    wanted = lambda row: row["method"] == method and at_steps in (None, int(row["steps"]))
    values = lambda: [float(row["mean_return"]) for row in rows_of("ppo_jit_vmap/rows.csv") if wanted(row)]
    return lambda: f"{statistics.mean(values()):.0f}"


def digits() -> str:
    """Test accuracies of the networks on digits: mean over seeds, and its standard error."""
    methods = {"dense": "dense", "prune": "prune", "static": "static", "set": "SET", "rigl": "RigL"}
    lines = [f"| | | {' | '.join(methods.values())} |", "|---" * (len(methods) + 2) + "|"]
    for library in ("equinox", "nnx"):
        for network in ("mlp", "cnn"):
            for sparsity in (0.9, 0.95):
                cells = [_accuracy(library, network, method, sparsity) for method in methods]
                lines.append(f"| {library}, {network} | {100 * sparsity:g} % | {' | '.join(cells)} |")
    return "\n".join(lines)


def _accuracy(library: str, network: str, method: str, sparsity: float) -> str:
    own = [row for row in rows_of(f"digits/{library}.csv") if (row["network"], row["method"]) == (network, method)]
    own = [row for row in own if method == "dense" or float(row["sparsity"]) == sparsity]
    last = max(int(row["updates"]) for row in own)
    values = [100 * float(row["accuracy"]) for row in own if int(row["updates"]) == last]
    return f"{statistics.mean(values):.1f} ± {statistics.stdev(values) / len(values) ** 0.5:.1f}"


def log_line(begin: str) -> str:
    """What a line of the log of the wheel's trial says behind its beginning."""
    lines = (REPRODUCTION / "wheel" / "newest.txt").read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix(begin) for line in lines if line.startswith(begin))


def installed(package: str, digits: int = 0) -> Number:
    """How large a package is where it is installed, in MB; `all` is that of all together."""
    sizes = lambda: dict(each.rsplit(" ", 1) for each in re.split("[,;] ", log_line("installed MB: ")))
    found = lambda: next(size for name, size in sizes().items() if name.partition(" ")[0] == package)
    return lambda: f"{float(found()):,.{digits}f}"


def over_seeds(file: str, key: str, **wanted: Any) -> Number:
    """What RigL costs over dense with eight seeds in one program."""
    is_it = lambda row: row["num_seeds"] == 8 and all(row[name] == value for name, value in wanted.items())
    return lambda: f"{next(row[key] for row in document(f'over_seeds/{file}.json')['rows'] if is_it(row)):.2f}"


def width(row: str, column: int, after: str = "## Results") -> Number:
    """What the page of width has in that column of the first such row after a heading, without its verdict."""

    def told() -> str:
        page = (REPRODUCTION / "width" / "README.md").read_text(encoding="utf-8")
        lines = page.partition(f"\n{after}\n")[2].splitlines()
        found = next(line for line in lines if line.startswith(f"| {row} |"))
        return found.strip("| ").split(" | ")[column].partition(":")[0].strip()

    return told


def verdicts_counted() -> str:
    """The claims of the paper by what kept runs say of them, as the page of verdicts has it."""
    lines = (REPRODUCTION / "README.md").read_text(encoding="utf-8").splitlines()
    return next(line for line in lines if line.startswith("*Holds wherever it was asked*: "))


def really_sparse() -> str:
    """Updates of the networks of others with compressed kernels, as many times as fast as dense ones."""
    lines = ["| network | updates, times as fast as dense |", "|---|---|"]
    for row in document("really_sparse/ratios.json")["rows"]:
        low, high = row["slowest_and_fastest_turn"]
        lines.append(f"| {row['network']} | {row['times_as_fast']:.1f} ({low:.1f} to {high:.1f}) |")
    return "\n".join(lines)


def updates(file: str = "updates") -> str:
    """Updates of our agents, as many times as fast as dense ones, with the lowest and highest of single rounds."""
    rows = document(f"updates/{file}.json")["rows"]
    sparsities = sorted({row["sparsity"] for row in rows})
    lines = [f"| work | variant | {' | '.join(f'{100 * each:g} %' for each in sparsities)} |"]
    lines.append("|---" * (len(sparsities) + 2) + "|")
    cells = {(row["work"], row["variant"], row["sparsity"]): _update(row) for row in rows if row["variant"] != "dense"}
    for work, variant in dict.fromkeys((row["work"], row["variant"]) for row in rows if row["variant"] != "dense"):
        told = (cells.get((work, variant, sparsity), "-") for sparsity in sparsities)
        lines.append(f"| `{work}` | {variant} | {' | '.join(told)} |")
    return "\n".join(lines)


def _update(row: Mapping[str, Any]) -> str:
    return f"{row['ratio_to_dense']:.2f} ({row['ratio_lowest']:.1f} to {row['ratio_highest']:.1f})"


def microseconds() -> str:
    """Microseconds of the same updates, what of them is native products and what is left, and memory beside dense."""
    rows = {(row["work"], row["sparsity"], row["variant"]): row for row in document("updates/updates.json")["rows"]}
    heads = ("dense", "masked", "compressed", "of it products", "floor", "compressed_rigl", "auto")
    lines = [f"| work | sparsity | {' | '.join(heads)} | memory, compressed |", "|---" * (len(heads) + 3) + "|"]
    for work, sparsity in dict.fromkeys((work, sparsity) for work, sparsity, _ in rows):
        compressed = rows[work, sparsity, "compressed"]
        timed = ("dense", "masked", "compressed", "compressed_rigl", "auto")
        of = {variant: rows[work, sparsity, variant]["seconds_median"] for variant in timed}
        of |= {"of it products": compressed["seconds_products"], "floor": compressed["seconds_floor"]}
        cells = [f"{1e6 * of[head]:,.0f}" for head in heads]
        told = f"`{work}` | {100 * sparsity:g} % | {' | '.join(cells)}"
        lines.append(f"| {told} | {compressed['memory_fraction_of_dense']:.3f} |")
    return "\n".join(lines)


def inference() -> str:
    """A policy in one jitted call, as many times as fast as the dense one, and microseconds of both."""
    rows = document("updates/inference_zen5.json")["rows"]
    found = {(row["hidden_units"][0], row["batch_size"], row["sparsity"], row["variant"]): row for row in rows}
    sparsities = sorted({row["sparsity"] for row in rows})
    lines = [f"| n | batch | {' | '.join(f'{100 * each:g} %' for each in sparsities)} |"]
    lines.append("|---" * (len(sparsities) + 2) + "|")
    for units, batch_size in sorted({key[:2] for key in found}):
        cells = []
        for sparsity in sparsities:
            dense, ours = (found[units, batch_size, sparsity, name] for name in ("dense", "compressed"))
            times = f"{1e6 * dense['seconds_median']:,.0f}, {1e6 * ours['seconds_median']:,.0f}"
            cells.append(f"{ours['ratio_to_dense']:.2f} ({times})")
        lines.append(f"| {units} | {batch_size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def one_at_a_time(sparsity: float) -> Number:
    """How many times as fast as the dense one a compressed policy of 2 x 512 acts on one observation."""
    wanted = ([512, 512], 1, sparsity, "compressed")
    is_it = lambda row: (row["hidden_units"], row["batch_size"], row["sparsity"], row["variant"]) == wanted
    rows = lambda: document("updates/inference_zen5.json")["rows"]
    return lambda: f"{next(row['ratio_to_dense'] for row in rows() if is_it(row)):.2f}"


def dense_update(work: str) -> Number:
    """Milliseconds of an agent's update with dense networks, on one core."""
    rows = lambda: document("updates/updates.json")["rows"]
    own = lambda: [row["seconds_median"] for row in rows() if (row["work"], row["variant"]) == (work, "dense")]
    return lambda: f"{1e3 * statistics.median(own()):.1f}"


def update_ratio(work: str, variant: str, sparsity: float, digits: int = 2) -> Number:
    """How many times as fast as dense an agent's update is."""
    wanted = (work, variant, sparsity)
    is_it = lambda row: (row["work"], row["variant"], row["sparsity"]) == wanted
    ratio = lambda: next(row["ratio_to_dense"] for row in document("updates/updates.json")["rows"] if is_it(row))
    return lambda: f"{ratio():.{digits}f}"


def peak_of_a_dense_product() -> str:
    """What one core of the machine of `reproduction/scaling` makes of a dense product."""
    [machine] = [each for each in document("scaling/scaling.json")["cells"] if "peak_flop_per_second" in each["values"]]
    return f"{machine['values']['peak_flop_per_second'] / 1e9:.0f} GFLOP/s"


def rates_beside_the_small_one() -> str:
    """Steps a second of RigL and of the dense network of as many parameters, on idle cores, by environment."""
    rate = {row["name"]: row["steps_per_second"] for row in document("return_against_seconds/rates.json")["rows"]}
    small = "dense, as many parameters"
    told = [
        f"{rate[f'{small}, {environment}-v5']:,.0f} steps a second beside RigL's"
        f" {rate[f'RigL, 90 % sparse, {environment}-v5']:,.0f} on {environment}"
        for environment in ("HalfCheetah", "Walker2d")
    ]
    return " and ".join(told)


def updates_of_dqn() -> str:
    """The ratios of DQN's updates alone, compressed and masked."""
    own = [row for row in document("updates/updates.json")["rows"] if row["work"] == "dqn_update"]
    ratios = {
        (row["variant"], row["sparsity"]): f"{row['ratio_to_dense']:.2f}" for row in own if row["variant"] != "dense"
    }
    sparsities = sorted({sparsity for _, sparsity in ratios})
    lines = [
        f"| sparsity | {' | '.join(f'{100 * each:g} %' for each in sparsities)} |",
        "|---" * (len(sparsities) + 1) + "|",
    ]
    told = lambda variant: f"| {variant} | {' | '.join(ratios[variant, each] for each in sparsities)} |"
    return "\n".join([*lines, told("compressed"), told("masked")])


NUMBERS: Mapping[str, Number] = {
    "dqn, 8 seeds, rigl by dense": over_seeds("dqn", "rigl_cost_over_dense"),
    "ppo, 8 seeds, rigl by dense": over_seeds("ppo", "cost_over_dense", variant="rigl"),
    "ppo, 8 seeds, plain cond by dense": over_seeds("ppo", "cost_over_dense", variant="rigl, plain cond"),
    **{f"{task}, {name}": steps(task, name) for task in ("sac", "ppo", "pixels") for name in ("dense", "rigl")},
    "verdicts, counted": verdicts_counted,
    "peers, how often and where": rounds_and_machine,
    "peers, marks": marks,
    "sac, rigl, by dense": times("sac", "rigl", "dense"),
    "ppo, rigl, by dense": times("ppo", "rigl", "dense", 2),
    "pixels, rigl, by dense": times("pixels", "rigl", "dense", 2),
    "pixels, dense, by SB3": times("pixels", "dense", "SB3"),
    "mountain car, sparsity-aware": lambda: reach_the_goal(aware=True),
    "mountain car, drawn as if dense": lambda: reach_the_goal(aware=False),
    "sac update, dense, ms": dense_update("sac_update"),
    **{f"{agent} update, auto, 50 %": update_ratio(f"{agent}_update", "auto", 0.5) for agent in ("dqn", "sac")},
    **{f"dqn update, {each:g}": update_ratio("dqn_update", "compressed", each, 1) for each in (0.9, 0.99)},
    **{f"acting, {each:g}": one_at_a_time(each) for each in (0.8, 0.9, 0.99)},
    **{
        f"width, sac, 108,160, {method}": width("HalfCheetah-v5, 108,160 live weights", column)
        for column, method in enumerate(("static", "rigl"), start=1)
    },
    **{
        f"width, sac, learning rate 0.003, {name}, {row}": width(f"{method} | {row}", 4, "### Learning rates")
        for name, method in (("static", "Static"), ("rigl", "RigL"))
        for row in ("256", "1,024 above 256")
    },
    **{
        f"width, sac, 108,160, {name}, 4,096": width(f"{method} | 4,096", 7, "### HalfCheetah-v5, 108,160 live weights")
        for name, method in (("static", "Static"), ("rigl", "RigL"))
    },
    "peak of a dense product": peak_of_a_dense_product,
    "seconds, rates beside the small one": rates_beside_the_small_one,
    "installed, sparserl": installed("sparserl", 1),
    "installed, all": installed("all"),
    **{f"installed, {name}": installed(name) for name in ("jaxlib", "pyarrow", "scipy", "numpy")},
    **{f"ppo in jax, {method}": ppo_return(method) for method in ("dense", "prune", "static", "set", "rigl")},
    **{f"ppo in jax, {method}, at first": ppo_return(method, 20_480) for method in ("dense", "static", "set", "rigl")},
}
TABLES: Mapping[str, Number] = {
    "beside peers": beside_peers,
    "digits": digits,
    "figure 5, returns": figure_5_returns,
    "figure 8, shares": figure_8_shares,
    "really sparse": really_sparse,
    "inference": inference,
    "updates": updates,
    "updates, zen 5": lambda: updates("updates_zen5"),
    "updates, dqn": updates_of_dqn,
    "updates, microseconds": microseconds,
}
