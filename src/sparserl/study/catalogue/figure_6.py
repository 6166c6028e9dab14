"""Figure 6: noise on what trained DQN policies see, dense, SET and RigL at 100, 50 and 10 %; it waits for pixels.

It needs no training of its own: `sparserl evaluate RUN --observation-noise` on runs of figure 10.
"""

from sparserl.study.catalogue import paper
from sparserl.study.studies import Scale, Study


def study(scale: Scale) -> Study:
    del scale  # nothing of it can be planned at any
    return Study(
        "figure_6",
        "Are sparse networks more robust to noise on observations than dense ones?",
        (),
        paper.num_seeds("dqn", "paper"),
        waiting=(f"Policies of DQN with a CNN on MsPacman, Pong and Qbert, {paper.PIXELS}",),
    )
