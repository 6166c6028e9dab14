"""Allocation: one budget of parameters for several networks, such as actor and critics."""

from collections.abc import Mapping
from typing import NamedTuple

from sparserl.sparsity.distributions import span
from sparserl.types import UserError


class NetworkSize(NamedTuple):
    """What a dense network has: weights that can be masked, and all others (biases, standard deviations)."""

    kernel_weights: int
    other_parameters: int


def allocate(
    networks: Mapping[str, NetworkSize], shares: Mapping[str, float], budget_fraction: float
) -> dict[str, float]:
    """The sparsity of each network such that it gets its share of a common budget of parameters.

    budget_fraction: budget as a fraction of the parameters of all networks when dense. shares: fractions of the budget,
    which sum to 1; biases count. Raises UserError with the feasible range of a share. Graesser et al. 2022, figure 3.
    """
    if shares.keys() != networks.keys():
        raise UserError(f"shares are given for {', '.join(shares)}: they must be for {', '.join(networks)}")
    if abs(sum(shares.values()) - 1.0) > 1e-9:
        raise UserError(f"shares sum to {sum(shares.values())}: they must sum to 1")
    budget = budget_fraction * sum(size.kernel_weights + size.other_parameters for size in networks.values())
    least = {name: size.other_parameters + 1 for name, size in networks.items()}
    most = {name: size.kernel_weights + size.other_parameters for name, size in networks.items()}
    floor, ceiling = sum(least.values()), sum(most.values())
    slack = 1e-9 * budget  # numbers that come from counts of parameters must not fail for their last digit
    if not floor - slack <= budget <= ceiling + slack:
        raise UserError(f"budget_fraction = {budget_fraction} must be {span(floor / ceiling, 1.0)}")
    for name, share in shares.items():
        low, high = max(least[name], budget - (ceiling - most[name])), min(most[name], budget - (floor - least[name]))
        if not low - slack <= share * budget <= high + slack:
            allowed = span(low / budget, high / budget)
            raise UserError(f"share of {name} = {share}: with budget_fraction = {budget_fraction} it must be {allowed}")
    live = {name: share * budget - networks[name].other_parameters for name, share in shares.items()}
    return {name: max(1.0 - live[name] / size.kernel_weights, 0.0) for name, size in networks.items()}
