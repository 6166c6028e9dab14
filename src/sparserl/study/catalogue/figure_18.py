"""Figure 18: DQN with a ResNet over 15 Atari games, 50 to 99 %; it waits for pixels."""

from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale) -> Study:
    del scale  # nothing of it can be planned at any
    return Study(
        "figure_18",
        "Up to which sparsity do sparse methods keep DQN's scores over Atari with a ResNet?",
        (),
        paper.num_seeds("dqn", "paper"),
        waiting=(f"DQN with a ResNet over 15 games, {paper.PIXELS}",),
    )
