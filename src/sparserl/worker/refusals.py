"""Refusals: what a worker is asked and cannot do, said in one line before it begins."""

import os
from collections.abc import Sequence
from pathlib import Path

from sparserl import persistence
from sparserl.experiment import Plan, obstacle_to_side_by_side
from sparserl.types import UserError


def refuse_mixtures(run_folders: Sequence[Path]) -> None:
    """Several folders must be different seeds of one experiment, and each must hold what it is called after."""
    if len({folder.parent.resolve() for folder in run_folders}) > 1:
        raise UserError(f"{run_folders[0]} and others are not of one experiment: side by side are seeds of one")
    if len({folder.name for folder in run_folders}) < len(run_folders):
        raise UserError(f"{run_folders[0].parent}: a seed is named twice")
    for folder in run_folders:
        persistence.check_run(folder)


def refuse_another_device() -> None:
    """Where a GPU is asked for, JAX takes the processor without a word if it cannot use it, or does not start."""
    asked = os.environ["JAX_PLATFORMS"]
    if not asked.startswith("cpu"):
        import jax

        try:
            backend = jax.default_backend()
        except RuntimeError:
            backend = "cpu"
        if backend == "cpu":
            raise UserError(
                f"a GPU is asked for, and JAX finds none (JAX_PLATFORMS is {asked!r}): install jax with CUDA, or omit "
                "--device gpu and the variable"
            )


def refuse_side_by_side(plan: Plan, run_folders: Sequence[Path]) -> None:
    if obstacle := obstacle_to_side_by_side(plan):
        raise UserError(f"seeds cannot be trained side by side: {obstacle}")
    for folder in run_folders:
        if persistence.read_request(folder).diagnostics:
            raise UserError(f"{folder} is to record diagnostics, which seeds side by side cannot: train it alone")
