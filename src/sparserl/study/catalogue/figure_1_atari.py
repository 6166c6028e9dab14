"""Figure 1, DQN: 15 Atari games at 90 %, with the Nature CNN and with a ResNet; it waits for pixels."""

from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale) -> Study:
    del scale  # nothing of it can be planned at any
    return Study(
        "figure_1_atari",
        "At 90 % sparsity, which methods keep DQN's scores on Atari, with a CNN and with a ResNet?",
        (),
        paper.num_seeds("dqn", "paper"),
        waiting=(f"DQN with CNN and ResNet on 15 games at 90 %, {paper.PIXELS}",),
    )
