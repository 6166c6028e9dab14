"""Policy: what a browser may do with a page, told in it: show what is in it, run its own scripts, and nothing else."""

import base64
import hashlib
from collections.abc import Iterable

from markupsafe import Markup


def content_security_policy(scripts: Iterable[str], styles: Iterable[str]) -> Markup:
    """The policy for a page with these inline scripts and style sheets, each named by its hash."""
    sources = {
        "default-src": "'none'",
        "img-src": "data:",
        "media-src": "data:",
        "script-src": " ".join(map(_source, scripts)),
        "style-src": " ".join(map(_source, styles)),
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return Markup("; ".join(f"{name} {value}" for name, value in sources.items()))


def _source(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"
