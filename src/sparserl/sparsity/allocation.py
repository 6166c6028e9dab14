"""Allocation: one budget of parameters for several networks, such as actor and critics."""

from collections.abc import Mapping
from typing import NamedTuple

from sparserl.sparsity.distributions import span
from sparserl.types import UserError


class NetworkSize(NamedTuple):
    """What a dense network has: weights that can be masked, and all others (biases, standard deviations)."""

    kernel_weights: int
    other_parameters: int


class Bounds(NamedTuple):
    """How few and how many parameters a network may have."""

    least: int
    most: int


def allocate(
    networks: Mapping[str, NetworkSize], shares: Mapping[str, float], budget_fraction: float
) -> dict[str, float]:
    """The sparsity of each network such that it gets its share of a common budget of parameters.

    budget_fraction: budget as a fraction of the parameters of all networks when dense. shares: fractions of the budget,
    which sum to 1; biases count. Raises UserError with the feasible range of a share. Graesser et al. 2022, figure 3.
    """
    total = sum(map(sum, networks.values()))
    bounds = {name: Bounds(size.other_parameters + 1, sum(size)) for name, size in networks.items()}
    check_shares(bounds, shares, budget_fraction, total)
    budget = budget_fraction * total
    live = {name: share * budget - networks[name].other_parameters for name, share in shares.items()}
    return {name: max(1.0 - live[name] / size.kernel_weights, 0.0) for name, size in networks.items()}


def check_shares(bounds: Mapping[str, Bounds], shares: Mapping[str, float], budget_fraction: float, total: int) -> None:
    """Raise UserError, which tells the feasible range, unless every network can have its share of the budget.

    total: parameters of all networks when dense, of which the budget is a fraction.
    """
    if shares.keys() != bounds.keys():
        raise UserError(f"shares are given for {', '.join(shares)}: they must be for {', '.join(bounds)}")
    if abs(sum(shares.values()) - 1.0) > 1e-9:
        raise UserError(f"shares sum to {sum(shares.values())}: they must sum to 1")
    budget = budget_fraction * total
    floor, ceiling = sum(bound.least for bound in bounds.values()), sum(bound.most for bound in bounds.values())
    slack = 1e-9 * budget  # numbers that come from counts of parameters must not fail for their last digit
    if not floor - slack <= budget <= ceiling + slack:
        raise UserError(
            f"it must be {span(floor / total, min(ceiling / total, 1.0))}",
            field="budget_fraction",
            value=budget_fraction,
        )
    for name, share in shares.items():
        least, most = bounds[name]
        low, high = max(least, budget - (ceiling - most)), min(most, budget - (floor - least))
        if not low - slack <= share * budget <= high + slack:
            allowed = span(low / budget, high / budget)
            raise UserError(
                f"it must be {allowed} with a budget of {budget_fraction}", field=f"{name}_share", value=share
            )
