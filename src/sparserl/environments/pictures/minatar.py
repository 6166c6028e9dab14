"""Pictures of MinAtar: the board, a pixel to each cell, in the colours in which MinAtar shows its channels."""

import functools

import numpy as np

from sparserl.environments.pictures.scene import Seen

FRAMES_PER_SECOND = 20.0  # MinAtar shows each frame for 50 ms unless it is told otherwise


def draw(seen: Seen) -> np.ndarray:
    """uint8 `[10, 10, 3]`: in each cell the last of the channels that are set there, black where none is."""
    planes = np.asarray(seen.reached)
    number = np.max(planes * (1 + np.arange(planes.shape[-1])), axis=-1)
    return _palette(planes.shape[-1])[number]


@functools.cache
def _palette(num_channels: int) -> np.ndarray:
    """uint8 `[1 + channel, 3]`: black, then colours evenly spaced in Green's cubehelix (2011) without its ends."""
    import matplotlib  # takes its time to import

    colours = matplotlib.colormaps["cubehelix"](np.linspace(0, 1, num_channels + 2)[1:-1])[:, :3]
    return np.rint(255 * np.concatenate([np.zeros((1, 3)), colours])).astype(np.uint8)
