"""One browser for all tests of pages."""

import pytest

from report.page.browser import NAMES, browsing, chromium


@pytest.fixture(scope="session")
def tab(tmp_path_factory):
    program = chromium()
    if program is None:
        pytest.skip(f"no browser is installed (looked for {', '.join(NAMES)}, and Playwright's); apt install chromium")
    with browsing(program, tmp_path_factory.mktemp("browser")) as tab:
        yield tab
