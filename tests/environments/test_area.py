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


def test_hand_computed_means():
    """A target row has two and a half source rows."""
    image = np.zeros((210, 160), np.uint8)
    image[0::5] = image[2::5] = 10  # 10, 0, 10, 0, 0: 15 / 2.5 and 5 / 2.5
    np.testing.assert_array_equal(area.resize(image, 84, 84), np.tile([[6], [2]], (42, 84)))


@pytest.mark.parametrize(("second", "expected"), [(4, 2), (12, 4), (20, 8), (28, 10)])
def test_halves_go_to_the_even_number(second, expected):
    """Of the first two of 8 columns, the first of 5 has 5/8 and 3/8, which are exact: 1.5, 4.5, 7.5, 10.5."""
    image = np.zeros((8, 8), np.uint8)
    image[:, 1] = second
    ours, theirs = ours_and_theirs(image, 5, 5)
    assert (ours[0, 0], theirs[0, 0]) == (expected, expected)
