"""The site that `make docs` builds: strict, whole, and readable without a network."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: the first warning would be a failure."""
    folder = tmp_path_factory.mktemp("site")
    command = ["env", f"PYTHON={sys.executable}", str(ROOT / "scripts/build-docs"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md"), *ROOT.glob("reproduction/*/README.md")]
    assert len(pages) > 20
    for page in [*pages, ROOT / "README.md"]:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file()
