"""The site that `make docs` builds: strict, whole, and readable without a network."""

import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest
from sphinx.util.inventory import InventoryFile

import sparserl.types
from report.page.browser import Tab, browsing, chromium
from sparserl.cli import COMMANDS, main
from sparserl.cli.study import SUBCOMMANDS
from waiting import wait_until

ROOT = Path(__file__).parent.parent

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` builds it: the first warning would be a failure."""
    folder = tmp_path_factory.mktemp("site")
    command = ["env", f"PYTHON={sys.executable}", str(ROOT / "scripts/build-docs"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/*.md"), *ROOT.glob("reproduction/*/README.md")]
    assert len(pages) > 20
    for page in [*pages, ROOT / "README.md"]:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file()


PUBLIC = (
    "",
    ".sparsity",
    ".linalg",
    ".environments",
    ".networks",
    ".study",
    ".report",
)  # rooms


def test_every_public_name_is_in_the_reference_and_says_what_it_is(site: Path) -> None:
    with (site / "objects.inv").open("rb") as file:
        known = InventoryFile.load(file, "", lambda base, path: path)
    there = {name for kind in known if kind.startswith("py:") for name in known[kind]}
    for room in PUBLIC:
        module = importlib.import_module(f"sparserl{room}")
        names = [name for name in module.__all__ if not name.startswith("__")]
        assert [name for name in names if f"sparserl{room}.{name}" not in there] == []
        made = [getattr(module, name) for name in names]
        made = [each for each in made if inspect.isclass(each) or inspect.isroutine(inspect.unwrap(each))]
        assert [each for each in made if not inspect.getdoc(each)] == []
    types = [name for name, each in vars(sparserl.types).items() if getattr(each, "__module__", "") == "sparserl.types"]
    assert {f"sparserl.types.{name}" for name in types if not name.startswith("_")} <= there


def test_every_option_of_every_command_is_in_the_reference(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (site / "objects.inv").open("rb") as file:
        known = InventoryFile.load(file, "", lambda base, path: path)["std:cmdoption"]
    ours = [name for name in COMMANDS if name not in ("train", "describe", "study", "bench")]
    ours += ["train dqn rigl", "describe dqn rigl", *(f"study {name}" for name in SUBCOMMANDS)]
    ours += [f"bench {name}" for name in ("updates", "kernels", "inference", "break-even")]
    for command in ours:
        assert main([*command.split(), "--help"]) == 0
        options = re.findall(r"^[ │|]*(--[a-z][\w.-]*)", capsys.readouterr().out, re.MULTILINE)
        assert options or command == "environments"
        assert [each for each in options if f"sparserl-{command.replace(' ', '-')}.{each}" not in known] == []


def test_pages_ask_nothing_of_the_network_and_lead_to_what_is_there(site: Path) -> None:
    """What browsers load by themselves lies beside the pages, and links between pages end at something."""
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        loaded = re.findall(r"<(?:script|img|iframe|source|video)\b[^>]*?\ssrc=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link\b[^>]*?rel=\"(?:stylesheet|icon|preload)\"[^>]*?href=\"([^\"]*)\"", text)
        assert [each for each in loaded if "//" in each] == []
        for link in [*loaded, *re.findall(r"<a\b[^>]*?\shref=\"([^\"]*)\"", text)]:
            path, _, _ = link.partition("#")
            if path and not re.match(r"[a-z]+:", path):
                assert (page.parent / unquote(path.partition("?")[0])).exists(), f"{page.name}: {link}"


def test_pages_are_reachable_from_the_front_page(site: Path) -> None:
    front = (site / "docs" / "index.html").read_text(encoding="utf-8")
    linked = {(site / "docs" / href.partition("#")[0]).resolve() for href in re.findall(r"href=\"([^\":]+)\"", front)}
    pages = [page for page in site.rglob("*.html") if "_static" not in page.parts]
    linked.add((site / "docs" / "index.html").resolve())
    machinery = {"index.html", "genindex.html", "search.html"}  # the first leads here
    assert {page.resolve() for page in pages if page.parent != site or page.name not in machinery} <= linked


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    program = chromium()
    if program is None:
        pytest.skip("no browser is installed; apt install chromium")
    with browsing(program, tmp_path_factory.mktemp("browser")) as opened:
        yield opened


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (375, "dark")])
@pytest.mark.parametrize("page", ["docs/index", "docs/reference/linalg"])
def test_everybody_can_read_pages_from_files(site: Path, tab: Tab, page: str, width: int, scheme: str) -> None:
    """Without a server or a network, on desktops and phones, in the dark, with a keyboard: axe-core finds nothing."""
    tab.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
    tab.resize(width, mobile=width < 500)
    tab.open((site / f"{page}.html").as_uri())
    assert tab.problems == []
    assert [each for each in tab.requests if not each.startswith("file:")] == []
    assert tab.run("document.documentElement.scrollWidth") <= width
    background = tab.run("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    tab.run((ROOT / "tests/report/page/vendor/axe.min.js").read_text(encoding="utf-8"))
    asked = "{preload: false, resultTypes: ['violations']}"
    found = tab.run(f"axe.run(document, {asked}).then(found => found.violations)")
    assert [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found] == []


def test_search_finds_without_a_server(site: Path, tab: Tab) -> None:
    tab.resize(1200)
    tab.open((site / "search.html").as_uri() + "?q=drop_and_grow")
    found = "[...document.querySelectorAll('#search-results li a')].map(link => link.textContent)"
    wait_until(lambda: any("drop_and_grow" in each for each in tab.run(found)))
    assert tab.problems == []
