"""The house's style around all drawing and saving, whatever the user's matplotlibrc says."""

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib

from sparserl.report.style import PARAMETERS


@contextmanager
def house_style() -> Iterator[None]:
    """The same look everywhere; earlier settings are restored afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(PARAMETERS)
        yield
