"""Pages in Chromium: they say nothing to the console, ask for nothing, and can be used by everybody."""

import json
from pathlib import Path

import pytest

from report.page import pages
from report.page.hostile import TEXTS
from sparserl.report.page import write_page

pytestmark = pytest.mark.processes

AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
PHONE = 375  # CSS pixels
RUN = "document.querySelector('.topology').closest('.experiment')"  # around the run that has files
ROWS = "[...document.querySelectorAll('#{} tbody tr')].map(row => row.cells[{}].textContent.trim())"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of a page with runs of all kinds, one with files."""
    folder = tmp_path_factory.mktemp("page")
    stored = pages.stored_run(folder, log="sparserl: the environment broke\n", message="the environment broke")
    return write_page(pages.page([*pages.runs(), stored]), folder / "index.html").as_uri()


@pytest.fixture
def opened(tab, page):
    tab.resize(1200)
    tab.open(page)
    return tab


def is_silent(tab):
    return tab.problems == [] and tab.requests == []


def axe(tab, rules=None):
    """What axe-core finds by all of its rules or by some, after an experiment of each kind has been opened."""
    tab.run(AXE)
    tab.run("document.querySelector('.experiment').open = true")
    tab.run(f"{RUN}.querySelectorAll('details').forEach(each => {{ each.open = true }}); {RUN}.open = true")
    tab.settle()
    only = f", runOnly: {json.dumps(rules)}" if rules else ""
    found = tab.run(f"axe.run(document, {{resultTypes: ['violations']{only}}}).then(found => found.violations)")
    return [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found]


@pytest.mark.parametrize(("scheme", "rules"), [("light", None), ("dark", ["color-contrast"])])
def test_everybody_can_read_it(tab, page, scheme, rules):
    tab.call("Emulation.setEmulatedMedia", media="", features=[{"name": "prefers-color-scheme", "value": scheme}])
    try:
        tab.resize(PHONE if scheme == "dark" else 1200)
        tab.open(page)
        background = tab.run("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")
        assert axe(tab, rules) == []
        assert is_silent(tab)
    finally:
        tab.call("Emulation.setEmulatedMedia", media="", features=[])


def test_axe_finds_what_is_wrong(opened):
    opened.run("document.querySelector('.card img').removeAttribute('alt')")
    assert [name for name, _ in axe(opened, ["image-alt", "color-contrast"])] == ["image-alt"]


def test_it_fits_a_phone(tab, page):
    tab.resize(PHONE, mobile=True)
    tab.open(page)
    tab.run("document.querySelectorAll('details').forEach(each => { each.open = true })")
    tab.settle()
    assert tab.run("document.documentElement.scrollWidth") <= PHONE
    wide = "document.querySelector('#runs').closest('.dt-layout-table')"
    assert tab.run(f"{wide}.scrollWidth > {wide}.clientWidth")  # which scrolls alone
    button = "document.querySelector('.figure .buttons button')"
    sizes = "(({ naturalWidth, clientWidth }) => [naturalWidth, clientWidth])(document.querySelector('.figure img'))"
    natural, fitted = tab.run(sizes)
    tab.run(f"{button}.click()")
    assert tab.run(f"{button}.getAttribute('aria-pressed')") == "true"
    assert tab.run(sizes) == [natural, natural], "in its own size, and not in that of the phone"
    assert natural > fitted
    assert tab.run("document.documentElement.scrollWidth") <= PHONE
    assert is_silent(tab)


def test_paper_has_every_row(opened):
    """A table shows 25 rows on a screen, and has no pages to turn in print."""
    shown = "document.querySelectorAll('#runs tbody tr').length"
    rows = opened.run("new DataTable('#runs').rows().count()")
    opened.run("new DataTable('#runs').page.len(5).draw().length")
    assert opened.run(shown) == 5 < rows
    opened.run("dispatchEvent(new Event('beforeprint'))")
    assert opened.run(shown) == rows
    opened.run("dispatchEvent(new Event('afterprint'))")
    assert opened.run("new DataTable('#runs').page.len()") == 25


def test_tables_are_sorted_by_mouse_and_keyboard(opened):
    header = "document.querySelectorAll('#experiments thead th')[4]"
    returns = lambda: opened.run(ROWS.format("experiments", 4))
    unsorted = returns()
    assert opened.run(f"{header}.textContent.trim()") == "Final return"
    opened.run(f"({header}.querySelector('[role=button]') || {header}).focus()")
    opened.press("Enter")
    opened.settle()
    assert opened.run(f"{header}.getAttribute('aria-sort')") == "ascending"
    numbers = lambda texts: [-1e9 if text == "\u2013" else float(text.replace(",", "")) for text in texts]
    assert numbers(returns()) == sorted(numbers(unsorted))
    opened.run(f"({header}.querySelector('[role=button]') || {header}).click()")
    opened.settle()
    assert opened.run(f"{header}.getAttribute('aria-sort')") == "descending"
    assert numbers(returns()) == sorted(numbers(unsorted), reverse=True)
    assert is_silent(opened)


def test_the_first_key_leads_past_the_contents(opened):
    opened.press("Tab")
    assert opened.run("document.activeElement.textContent") == "Skip to the results"
    assert opened.run("document.activeElement.getBoundingClientRect().left") == 0
    assert opened.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    opened.press("Enter")
    opened.settle()
    assert opened.run("document.activeElement.id") == "main"


def test_a_filter_stays_in_the_address(opened, page):
    opened.run("document.querySelector('#runs_wrapper input[type=search]').focus()")
    opened.call("Input.insertText", text="failed & rigl")
    opened.settle()
    assert opened.run("location.hash") == "#runs=failed+%26+rigl"
    opened.open(f"{page}#runs=failed&experiments=static")
    assert opened.run("document.querySelector('#runs_wrapper input[type=search]').value") == "failed"
    assert set(opened.run(ROWS.format("runs", 4))) == {"failed"}
    assert len(opened.run(ROWS.format("experiments", 0))) == 1
    opened.open(f"{page}#runs=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    assert opened.run("document.querySelector('#runs .dt-empty').textContent") == "No row has these words."
    assert is_silent(opened)


def test_a_run_opens_with_curve_and_topologies(opened):
    opened.run(
        "[...document.querySelectorAll('#runs a')].find(a => a.closest('tr').innerText.includes('broke')).click()"
    )
    opened.settle()
    target = "document.getElementById(decodeURIComponent(location.hash.slice(1)))"
    assert opened.run(f"{target}.checkVisibility()")
    assert opened.run(f"document.activeElement === {target}")
    assert "the environment broke" in opened.run(f"{target}.querySelector('pre').textContent")
    assert opened.run(f"{target}.querySelectorAll('canvas').length") == 1
    opened.run(f"{target}.querySelector('.topology').open = true")
    opened.settle()
    told = f"{target}.querySelector('.viewer .read').textContent"
    assert opened.run(told) == "step 200: 4 inputs, 1 without live weights, at most 5 of 8 alive"
    first = f"const range = {target}.querySelector('input[type=range]'); range.value = 0;"
    opened.run(f"(() => {{ {first} range.dispatchEvent(new Event('input')) }})()")
    assert opened.run(told) == "step 0: 4 inputs, 1 without live weights, at most 3 of 8 alive"
    assert is_silent(opened)


def test_curves_are_zoomed_by_buttons(opened):
    chart = "document.querySelector('[data-panel]')"
    opened.run(f"{chart}.scrollIntoView()")
    while not opened.run(f"!!{chart}.querySelector('canvas')"):  # it is drawn when it comes into sight
        opened.settle()
    picture = lambda: opened.run(f"{chart}.querySelector('canvas').toDataURL()")
    whole = picture()
    for name, same in (("zoom in", False), ("show all steps", True)):
        opened.run(f"[...{chart}.querySelectorAll('button')].find(b => b.ariaLabel === '{name}').click()")
        opened.settle()
        assert (picture() == whole) == same
    opened.run(f"{chart}.querySelector('.legend input').click()")
    opened.settle()
    assert picture() != whole
    assert is_silent(opened)


def test_everything_is_there_without_scripts(tab, page):
    tab.scripts(False)
    try:
        tab.resize(PHONE, mobile=True)
        tab.open(page)
        assert len(tab.run(ROWS.format("runs", 0))) == 10
        assert (
            tab.run("[...document.images].filter(image => image.checkVisibility() && !image.naturalWidth).length") == 0
        )
        assert tab.run("document.documentElement.scrollWidth") <= PHONE
        link = tab.run("document.querySelector('#runs a').hash")
        tab.open(f"{page}{link}")
        assert tab.run(
            f"document.getElementById('{link[1:]}').checkVisibility()"
        )  # the browser opens what is around it
        assert is_silent(tab)
    finally:
        tab.scripts(True)


@pytest.mark.parametrize("scripts", [True, False])
def test_no_text_of_a_stranger_does_anything(tab, hostile_page, scripts):
    tab.scripts(scripts)
    try:
        tab.resize(PHONE, mobile=True)
        tab.open(hostile_page)
        if scripts:
            for table in ("experiments", "runs"):
                tab.run(f"new DataTable.Api('#{table}').page.len(-1).order([0, 'desc']).draw().page.len()")
            some = "[...document.querySelectorAll('details')].filter((each, place) => place % 15 === 0)"
            tab.run(f"[...{some}, ...{RUN}.querySelectorAll('details')].forEach(each => {{ each.open = true }})")
            tab.run(f"{RUN}.open = true")
            tab.settle()
        assert tab.run("[typeof window.done, document.title === 'done']") == ["undefined", False]
        assert len(tab.run(ROWS.format("runs", 0))) == len(TEXTS) + 1
        assert tab.run("document.querySelectorAll('main').length + document.querySelectorAll('h1').length") == 2
        assert tab.run("document.querySelectorAll('iframe, object, embed, form, base, link, marquee').length") == 0
        assert tab.run(
            "[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !/^on/i.test(a.name)))"
        )
        assert tab.run("[...document.images].every(image => image.getAttribute('src').startsWith('data:'))")
        assert tab.run("document.documentElement.scrollWidth") <= PHONE
        assert is_silent(tab)
    finally:
        tab.scripts(True)


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return write_page(pages.hostile_page(folder), folder / "index.html").as_uri()
