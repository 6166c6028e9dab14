"""Opening: a page in the web browser of whoever asks, where there is one."""

import webbrowser
from pathlib import Path

from sparserl.processes.log import tell


def show_in_browser(page: Path) -> None:
    """Open a page; where there is no browser or no screen, one line on standard error says so, with the path."""
    try:
        opened = webbrowser.open(page.absolute().as_uri())
    except (OSError, webbrowser.Error):
        opened = False
    if not opened:
        tell(f"there is no browser to open {page} with")
