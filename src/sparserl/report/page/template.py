"""Template: the page's own files, and how values are put into them."""

import functools
from pathlib import Path

import jinja2

from sparserl.report.page import curves, text, topologies
from sparserl.report.page.names import percent

_HERE = Path(__file__).parent


@functools.cache
def inlined(name: str) -> str:
    """A file that a page carries, as it stands between its tags: the policy names scripts and styles by that text."""
    content = (_HERE / name).read_text(encoding="utf-8").replace("\r\n", "\n")
    assert "</script" not in content.lower(), name
    return f"\n{content}\n"


@functools.cache
def template() -> jinja2.Template:
    """The page, whose texts are escaped and printable."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        finalize=text.finalized,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": text.number, "cell": text.cell, "sort_key": text.sort_key, "percent": percent}
    environment.filters |= {"words": text.in_words, "picture": curves.picture, "curve_words": curves.in_words}
    environment.filters |= {"heat": topologies.heat, "spread": topologies.spread}
    environment.filters |= {"heat_words": topologies.in_words, "named_inputs": topologies.named_inputs}
    return environment.get_template("page.html")
