"""How `make docs` builds the site: Sphinx reads the same Markdown that people read beside the code.

The source folder is the repository itself, so that a link means the same here and there: docs/, the README and the
pages of `reproduction/`. Nothing is fetched, neither by the build nor by a reader's browser.
"""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs" / "_site"))

project = "sparserl"
author = "the authors of sparserl"
copyright = f"{author}, Apache-2.0"
version = release = installed_version("sparserl")

extensions = ["myst_parser", "sphinx_external_toc", "sphinx_copybutton", "outside", "reference", "commands"]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "reproduction/README.md",
    "reproduction/*/README.md",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
]
exclude_patterns = [".*", "build", "dist", "src", "tests", "results", "demo", "docs/_site", "reproduction/*/results"]

external_toc_path = "docs/_toc.yml"
external_toc_exclude_missing = False
suppress_warnings = ["etoc.glob"]  # a folder of the navigation may still be empty

myst_heading_anchors = 4  # of the names that code hosting gives to headings
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!sparserl\.).*")]  # types of other libraries, whose documents are elsewhere
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
smartquotes = False  # options begin with two dashes
highlight_language = "text"  # indented blocks are commands and tables; Python says that it is

html_theme = "furo"
html_title = "sparserl"
html_static_path = ["_site/static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_extra_path = ["_site/index.html"]
html_show_search_summary = False  # a browser that opens files may not fetch the pages that were found
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"sidebar_hide_name": False}

copybutton_exclude = ".linenos, .gp, .go"
