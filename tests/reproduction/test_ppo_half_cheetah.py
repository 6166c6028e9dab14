"""Paths through a network: which observations reach which actions."""

import numpy as np
import pytest
from scripts_of import scripts_of


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    with scripts_of("ppo_half_cheetah", tmp_path_factory.mktemp("scripts")) as modules:
        yield modules.paths


def test_inputs_and_outputs_count_where_a_path_joins_them(paths):
    """Inputs 0 and 2 reach unit 1, which goes on to output 2; input 1 ends in unit 0, output 0 begins in unit 2."""
    first, second = np.zeros((3, 3)), np.zeros((3, 4))
    first[0, 1] = first[2, 1] = first[1, 0] = -0.5
    second[1, 2] = second[2, 0] = 2.0
    assert paths.reach([first, second]) == (2, 1)
    second[1, 2] = 0
    assert paths.reach([first, second]) == (0, 0)


def test_masks_are_drawn_with_as_many_live_weights_each_as_likely(paths):
    generator = np.random.default_rng(0)
    masks = np.array([paths.drawn(generator, (4, 5), 3) for _ in range(2_000)])
    assert set(masks.sum(axis=(1, 2))) == {3}
    assert masks.mean(axis=0) == pytest.approx(np.full((4, 5), 3 / 20), abs=0.04)
