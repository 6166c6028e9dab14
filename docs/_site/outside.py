"""Links from pages to what is no page: folders and files of the repository, which code hosting shows as well."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx


def follow(app: Sphinx, document: nodes.document) -> None:
    """Let a link to a folder lead to its README, and one to Markdown that is no page to the file itself.

    A folder without a README has nothing to show, so what would be a link to it is plain text.
    """
    for link in list(document.findall(addnodes.pending_xref)):
        if link.get("reftype") != "myst":
            continue
        if link.get("refdomain") == "doc":
            if link["reftarget"] not in app.env.found_docs:
                link.replace_self(_download(link, f"/{link['reftarget']}.md"))
        elif not link["reftarget"].startswith("#"):
            folder = Path(app.env.relfn2path(link["reftarget"], link["refdoc"])[1])
            if (folder / "README.md").is_file():
                link["refdomain"], link["reftargetid"] = "doc", None
                link["reftarget"] = app.env.path2doc(str(folder / "README.md"))
            elif folder.is_dir():
                link.replace_self(link.children)


def _download(link: nodes.Element, path: str) -> nodes.Element:
    return addnodes.download_reference("", "", *link.children, reftarget=path, refdoc=link["refdoc"])


def setup(app: Sphinx) -> dict[str, Any]:
    # Before Sphinx collects what is to be downloaded, which it does when a page has been read.
    app.connect("doctree-read", follow, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
