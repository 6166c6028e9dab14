"""Asked: the paper's claims by number, and the studies whose runs would tell whether each holds, the cheapest first."""

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
STUDIES = {  # by claim
    1: ("figure_8", "figure_1_sac", "figure_1_ppo", "figure_1_atari", "figure_15", "figure_16", "figure_17"),
    2: ("figure_8", "figure_2_sac", "figure_15", "figure_10"),
    3: ("figure_8", "figure_2_sac", "figure_2_atari", "figure_15", "figure_10"),
    4: ("figure_2_sac", "figure_2_atari", "figure_15", "figure_10"),
    5: ("figure_1_atari",),
    6: ("figure_3",),
    7: ("figure_8", "figure_14_dqn", "figure_4_distribution", "figure_12_sac", "figure_12_ppo", "figure_12_atari"),
    8: ("figure_4_weight_decay", "figure_4_initialization"),
    9: ("figure_5_dqn", "figure_5_sac"),
    10: ("figure_13_drop_fraction", "figure_13_update_interval", "figure_13_batch_size"),
    11: ("figure_6",),
    12: ("figure_1_ppo", "figure_1_sac"),
}
JOINED = (  # studies of the same environments, whose agents or networks a claim compares with each other
    ("figure_1_ppo", "figure_1_sac"),
    ("figure_2_ppo", "figure_2_sac"),
    ("figure_9_ppo", "figure_9_sac"),
    ("figure_10", "figure_11"),
    ("figure_16", "figure_15"),
    ("figure_17", "figure_18"),
)
