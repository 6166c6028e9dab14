"""Handwritten digits, and what is done with the accuracies of networks that learn them: a table and a picture.

`digits_equinox.py` and `digits_nnx.py` are the scripts to read: what is here knows nothing of sparse training. Needs
scikit-learn, which ships the images, 1,797 of 8 x 8 pixels, and two classifiers to compare with.
"""

import argparse
import csv
import itertools
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import optax
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import sparserl
from sparserl.errors import UserError

METHODS = ("prune", "static", "set", "rigl")
NETWORKS = ("mlp", "cnn")


class Split(NamedTuple):
    """Images `[image, 8, 8]` from 0 to 1, and labels `[image]`."""

    train_images: np.ndarray
    test_images: np.ndarray
    train_labels: np.ndarray
    test_labels: np.ndarray


class Row(NamedTuple):
    """The test accuracy of a network, as a fraction, after so many updates, and the fraction of its live weights."""

    network: str
    method: str
    sparsity: float
    seed: int
    updates: int
    accuracy: float
    density: float


Train = Callable[[str, str, float, int, Split, int], Iterator[Row]]  # network, method, sparsity, seed, split, updates


def main(library: str, train: Train, arguments: Sequence[str] | None = None) -> list[Row]:
    """Train every method at every sparsity with every seed, and show what came of it."""
    parser = argparse.ArgumentParser(description=f"Sparse networks of {library} that learn to read digits.")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--sparsities", nargs="+", type=float, default=[0.9, 0.95])
    parser.add_argument("--seeds", type=int, default=3, help="how many")
    parser.add_argument("--updates", type=int, default=400)
    parser.add_argument("--output", type=Path, default=Path("results/digits"))
    chosen = parser.parse_args(arguments)
    asked = [("dense", 0.0), *itertools.product(chosen.methods, chosen.sparsities)]
    try:
        for name in ("seeds", "updates"):
            if getattr(chosen, name) < 1:
                raise UserError("it must be at least 1", field=name, value=getattr(chosen, name))
        for method, sparsity in asked:  # names and numbers, before anything is trained
            sparserl.sparsify(optax.identity(), method, sparsity=sparsity, total_updates=1_000_000)
        chosen.output.mkdir(parents=True, exist_ok=True)
    except (UserError, OSError) as error:
        parser.exit(2, f"{parser.prog}: {error}\n")
    split, rows = digits(), []
    for network, (method, sparsity) in itertools.product(chosen.networks, asked):
        for seed in range(chosen.seeds):
            rows += train(network, method, sparsity, seed, split, chosen.updates)
        print(line(rows[-1], final_accuracies(rows, network, method, sparsity)), flush=True)
        with open(chosen.output / f"{library}.csv", "w", newline="") as file:
            csv.writer(file).writerows([Row._fields, *rows])
    for name, accuracy in peers(split).items():
        print(f"scikit-learn's {name}: {accuracy:.4f}")
    draw(library, rows, chosen.output / f"{library}.png")
    return rows


def digits() -> Split:
    """Three quarters to learn from and one to test with, each digit as often in both."""
    data = load_digits()
    parts = train_test_split(data.images / 16, data.target, test_size=0.25, stratify=data.target, random_state=0)
    return Split(*(np.asarray(part, dtype) for part, dtype in zip(parts, ("f4", "f4", "i4", "i4"), strict=True)))


def peers(split: Split) -> dict[str, float]:
    """Test accuracies of two dense classifiers that others wrote: what can be expected of these images."""
    classifiers = LogisticRegression(max_iter=1_000), MLPClassifier((256, 256), random_state=0)
    flat = [images.reshape(len(images), -1) for images in split[:2]]
    scores = [model.fit(flat[0], split.train_labels).score(flat[1], split.test_labels) for model in classifiers]
    return {type(model).__name__: score for model, score in zip(classifiers, scores, strict=True)}


def density(state: object) -> float:
    """The fraction of the kernels' weights that are alive; dense training has no topology, and all of them."""
    masks = sparserl.topology(state).values()
    return round(float(sum(np.sum(mask) for mask in masks) / sum(mask.size for mask in masks)), 4) if masks else 1.0


def final_accuracies(rows: list[Row], network: str, method: str, sparsity: float) -> list[float]:
    """The last of each seed."""
    return list({row.seed: row.accuracy for row in rows if row[:3] == (network, method, sparsity)}.values())


def line(row: Row, accuracies: list[float]) -> str:
    """A line of the table: the mean over seeds of the test accuracy, and the standard error of that mean."""
    error = statistics.stdev(accuracies) / len(accuracies) ** 0.5 if len(accuracies) > 1 else float("nan")
    mean = statistics.mean(accuracies)
    return f"{row.network:4} {row.method:7} {row.sparsity:5.2f}  {row.density:7.4f} alive  {mean:.4f} ± {error:.4f}"


def draw(library: str, rows: list[Row], path: Path) -> None:
    """Curves of the test error, dense beside sparse: a row for each network, a column for each sparsity."""
    networks, sparsities = ({row[i]: None for row in rows} for i in (0, 2))
    columns = [sparsity for sparsity in sparsities if sparsity] or [0.0]
    shape = {"nrows": len(networks), "ncols": len(columns), "squeeze": False, "sharex": True, "sharey": True}
    figure, axes = plt.subplots(**shape, figsize=(4.2 * len(columns) + 1, 3 * len(networks)), layout="constrained")
    for (i, network), (j, sparsity) in itertools.product(enumerate(networks), enumerate(columns)):
        for k, method in enumerate({row.method: None for row in rows}):
            curve: dict[int, list[float]] = {}
            for row in rows:
                if (row.network, row.method) == (network, method) and row.sparsity in (0.0, sparsity):
                    curve.setdefault(row.updates, []).append(100 * (1 - row.accuracy))
            middle = [statistics.mean(errors) for errors in curve.values()]
            style = {"color": "black", "linestyle": "--"} if method == "dense" else {"color": f"C{k - 1}"}
            axes[i, j].plot(list(curve), middle, label=method, **style)
            spread = [(min(errors), max(errors)) for errors in curve.values()]
            axes[i, j].fill_between(list(curve), *zip(*spread, strict=True), alpha=0.12, color=style["color"], lw=0)
        axes[i, j].set(title=f"{network}, {100 * sparsity:g} % of weights zero", yscale="log", ylim=(1, 100))
        axes[i, j].yaxis.set_major_formatter("{x:g}")
        axes[i, j].grid(alpha=0.3)
    axes[0, 0].legend()
    figure.supxlabel("updates")
    figure.supylabel(f"test error (%) of {library}: mean, and all seeds")
    figure.savefig(path, dpi=120)
    plt.close(figure)
