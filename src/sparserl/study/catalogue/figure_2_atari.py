"""Figure 2, row 1: DQN with the Nature CNN on MsPacman, Pong and Qbert; it waits for pixels."""

from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale) -> Study:
    del scale  # nothing of it can be planned at any
    return Study(
        "figure_2_atari",
        "How do DQN's scores fall with the number of parameters, sparse and dense, on three Atari games?",
        (),
        paper.num_seeds("dqn", "paper"),
        waiting=(f"DQN with a CNN on MsPacman, Pong and Qbert, 50 to 95 %, {paper.PIXELS}",),
    )
