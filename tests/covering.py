"""Cases of a parametrised test that cover each kind once; the rest of them run with `scripts/check thorough`."""

import pytest


def covering(cases, keep):
    """All `cases`, of which those for which `keep(case)` is false are marked `thorough`."""
    rest = [case for case in cases if not keep(case)]
    assert rest, "there is nothing to leave out"
    assert len(rest) < len(cases), "every case would be left out"
    return [_marked(case) if case in rest else case for case in cases]


def _marked(case):
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.thorough)
