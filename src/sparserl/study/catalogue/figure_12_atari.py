"""Figure 12, row 1: figure 2 with uniform sparsity, DQN on MsPacman, Pong and Qbert; it waits for pixels."""

from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale) -> Study:
    del scale  # nothing of it can be planned at any
    return Study(
        "figure_12_atari",
        "How do DQN's scores on Atari fall with the number of parameters where sparsity is uniform?",
        (),
        paper.num_seeds("dqn", "paper"),
        waiting=(f"DQN with a CNN on MsPacman, Pong and Qbert, uniform sparsity, {paper.PIXELS}",),
    )
