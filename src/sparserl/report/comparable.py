"""Comparable policies: those of each group that do about as well as those of the others, chosen by a stated rule.

Graesser et al. (2022, section 8) compare policies under noise that "have comparable performance", picked by hand.
"""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Group = TypeVar("Group", bound=Hashable)
Policy = TypeVar("Policy", bound=Hashable)

MOST_POLICIES = 3  # of a group


def reference_score(scores: Mapping[Group, Mapping[Policy, float]]) -> float:
    """The score that the best policy of every group reaches: the lowest of the groups' best scores."""
    return min(max(of_group.values()) for of_group in scores.values())


def comparable(
    scores: Mapping[Group, Mapping[Policy, float]], most_policies: int = MOST_POLICIES
) -> dict[Group, tuple[Policy, ...]]:
    """Of each group the policies whose scores are nearest to `reference_score`, at most `most_policies` of them.

    `scores` are returns without noise, by group, as "RigL, 10 %", and policy. Of policies that are equally near, the
    better comes first, then the first of the mapping. The rule sees no return under noise, and prefers no group: one
    that is better than others gives those of its policies that are as good as the others'.
    """
    filled = {group: of_group for group, of_group in scores.items() if of_group}
    if not filled:
        return {}
    reference = reference_score(filled)
    near = lambda item: (abs(item[1] - reference), -item[1])
    return {
        group: tuple(policy for policy, _ in sorted(of_group.items(), key=near)[:most_policies])
        for group, of_group in filled.items()
    }
