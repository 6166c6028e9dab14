"""Asked: the paper's claims by number, and the studies whose runs would tell whether each holds, the cheapest first."""

from typing import NamedTuple

TITLES = {
    1: "Sparse networks beat dense ones of equal size",
    2: "Nothing is lost up to 80 to 90 percent sparsity",
    3: "RigL is about as good as SET",
    4: "Environments where SET and RigL stand out",
    5: "A ResNet beats the CNN and a pruned one both",
    6: "Critics need their parameters more than actors do",
    7: "ERK is better than uniform sparsity",
    8: "Weight decay and sparsity-aware initialization",
    9: "The signal-to-noise ratio of gradients is low",
    10: "Drop fraction interval and batch size",
    11: "Sparse policies withstand noise",
    12: "Results of PPO are noisy",
}


class Ask(NamedTuple):
    """Studies that together have the runs for a claim, at those scales: of the catalogue, or a file of one."""

    studies: tuple[str, ...]
    scales: tuple[str, ...] = ("quick", "paper")


def _each(*names: str) -> tuple[Ask, ...]:
    return tuple(Ask((name,)) for name in names)


def _at_paper(*names: str) -> tuple[Ask, ...]:
    return tuple(Ask((name,), ("paper",)) for name in names)


_PARTS = "reproduction/parts_of_grids"
STUDIES: dict[int, tuple[Ask, ...]] = {  # by claim
    1: _each("figure_8", "figure_1_sac", "figure_1_ppo", "figure_1_atari", "figure_15", "figure_16", "figure_17"),
    2: _each("figure_8", "figure_2_sac", "figure_15", "figure_10"),
    3: _each("figure_8", "figure_2_sac", "figure_2_atari", "figure_15", "figure_10"),
    4: (  # of Humanoid and three Atari games, which the catalogue has at scale paper alone
        Ask((f"{_PARTS}/sac_humanoid.py",), ("quick",)),
        *_at_paper("figure_2_sac", "figure_2_atari", "figure_15", "figure_10"),
    ),
    5: (Ask((f"{_PARTS}/cnn_and_resnet.py",), ("quick",)), *_each("figure_1_atari")),
    6: (Ask((f"{_PARTS}/shares_half_cheetah.py",), ("quick",)), *_each("figure_3")),
    7: (
        *_each("figure_8", "figure_14_dqn", "figure_4_distribution"),
        *(Ask((f"figure_2_{which}", f"figure_12_{which}")) for which in ("sac", "ppo", "atari")),
        *_each("figure_7"),  # FLOPs alone; it needs no runs
    ),
    8: _each("figure_4_weight_decay", "figure_4_initialization"),
    9: _each("figure_5_dqn", "figure_5_sac"),
    10: _each("figure_13_drop_fraction", "figure_13_update_interval", "figure_13_batch_size"),
    11: _each("figure_6"),
    12: (Ask(("figure_1_ppo", "figure_1_sac")),),
}
JOINED = {  # studies whose agents, networks or distributions claims compare with each other, and these claims
    ("figure_1_ppo", "figure_1_sac"): (12,),
    ("figure_2_ppo", "figure_2_sac"): (12,),
    ("figure_9_ppo", "figure_9_sac"): (12,),
    ("figure_16", "figure_15"): (12,),
    ("ppo_half_cheetah", "sac_half_cheetah"): (12,),
    ("figure_10", "figure_11"): (5,),
    ("figure_17", "figure_18"): (5,),
    ("figure_2_sac", "figure_12_sac"): (7,),
    ("figure_2_ppo", "figure_12_ppo"): (7,),
    ("figure_2_atari", "figure_12_atari"): (7,),
}
