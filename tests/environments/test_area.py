"""Smaller images beside OpenCV's: the same bits."""

import cv2
import numpy as np
import pytest

from sparserl.environments import area

HEIGHTS = (210, 214, 220, 230, 250)  # of the screens of ale-py's games, which are 160 wide


def ours_and_theirs(image, height=84, width=84):
    return area.resize(image, height, width), cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("height", HEIGHTS)
def test_a_thousand_images_are_resized_in_the_same_bits(height):
    generator = np.random.default_rng(height)
    for number in range(1000):
        few = generator.integers(0, 256, 2 + number % 5, dtype=np.uint8)  # as of a palette: sums halfway between two
        noise = generator.integers(0, 256, (height, 160), dtype=np.uint8)
        ours, theirs = ours_and_theirs(noise if number % 2 else few[noise % len(few)])
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("shape", "target"), [((13, 7), (5, 4)), ((100, 99), (98, 98)), ((31, 40), (30, 39))])
def test_other_shapes(shape, target):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    ours, theirs = ours_and_theirs(image, *target)
    assert ours.shape == target
    np.testing.assert_array_equal(ours, theirs)


def test_halves_go_to_the_even_number():
    """Rows of 1 and 0, of which a target row has one and a quarter, so 80 % and 20 % of weights that sum up to 1."""
    image = np.zeros((210, 160), np.uint8)
    image[::5], image[2::5] = 1, 1  # 1, 0, 1, 0, 0: rows (1 + 0 + 0.5) / 2.5 = 0.6 and (0.5 + 0 + 0) / 2.5 = 0.2
    np.testing.assert_array_equal(area.resize(image, 84, 84), np.tile([[1], [0]], (42, 84)))
    image[:] = 0
    image[3::5], image[4::5] = 5, 0  # 0 and 2: 5 / 2.5
    image[0::5], image[1::5] = 3, 3  # 6 / 2.5 = 2.4
    np.testing.assert_array_equal(area.resize(image, 84, 84)[:2, 0], [2, 2])
