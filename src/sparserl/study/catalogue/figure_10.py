"""Figure 10: DQN with the Nature CNN on 15 Atari games, 50 to 99 %; it waits for pixels."""

from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale) -> Study:
    del scale  # nothing of it can be planned at any
    return Study(
        "figure_10",
        "How do DQN's scores fall with the number of a CNN's parameters on each of 15 Atari games?",
        (),
        paper.num_seeds("dqn", "paper"),
        waiting=(f"DQN with a CNN on 15 games, {paper.PIXELS}",),
    )
