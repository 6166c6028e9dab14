"""The reference of the Python names: `{reference} sparserl.linalg` is all that this module offers, from its source.

Signatures, docstrings and the comments behind fields are read without importing anything. Docstrings are Markdown, as
the pages are. What a page shows: the names of `__all__`, or those that the directive lists in its content.
"""

import functools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import griffe
from docutils import nodes
from docutils.statemachine import StringList
from prose import comment_behind, described, listed, sentence
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAGES = Path(__file__).parent.parent / "reference"
SOURCE = PAGES.parent.parent / "src"
FENCE = "`"


class Reference(SphinxDirective):
    """All names of a module, or the listed ones, each with its signature and what its docstring says."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        module = found(self.arguments[0])
        self.env.note_dependency(str(module.filepath))
        lines = [*page(module, " ".join(self.content).split())]
        node = nodes.section()
        node.document = self.state.document
        self.state.nested_parse(StringList(lines, source=str(module.filepath)), self.content_offset, node)
        return node.children


@functools.cache
def package() -> Any:
    """The package, parsed once in a build."""
    return griffe.load("sparserl", search_paths=[SOURCE], submodules=True, resolve_aliases=True)


@functools.cache
def documented() -> frozenset[str]:
    """Where all that the pages show is defined: a type that none of them shows is no link."""
    shown = set()
    for file in PAGES.glob("*.md"):
        for path, names in re.findall(r"```\{reference\} (\S+)\n([^`]*)```", file.read_text(encoding="utf-8")):
            module = found(path)
            shown |= {defined(module[name], name).path for name in names.split() or public(module)}
    return frozenset(shown)


@functools.cache
def offered_first() -> frozenset[str]:
    """Where all that `import sparserl` offers is defined."""
    return frozenset(defined(package()[name], name).path for name in public(package()))


def found(path: str) -> Any:
    """The module of a path."""
    _, *inner = path.split(".")
    return package()[".".join(inner)] if inner else package()


def defined(what: Any, name: str) -> Any:
    """What a name stands for, where it is defined."""
    target = what.final_target if what.is_alias else what
    return target[name] if target.is_module else target  # as `break_even`, taken from the file of the same name


def page(module: Any, names: Sequence[str]) -> Iterator[str]:
    """The Markdown of a module's names."""
    for name in names or public(module):
        yield from entry(module.path, name, module[name])


def public(module: Any) -> list[str]:
    """The names that a module offers: those of `__all__`, else its own ones without an underscore."""
    if module.exports is not None:
        return [str(name) for name in module.exports if not str(name).startswith("__")]
    return [name for name, each in module.members.items() if not each.is_alias and not name.startswith("_")]


def entry(module: str, name: str, what: Any) -> Iterator[str]:
    """One name, as a directive of Sphinx's Python domain."""
    target = defined(what, name)
    is_elsewhere = module != "sparserl" and target.path in offered_first()  # where links to it lead
    canonical = [f":canonical: {target.path}"] if target.path != f"{module}.{name}" and not is_elsewhere else []
    options = [f":module: {module}", *canonical]
    if target.is_function:
        yield from directive("function", name + signature(target), options, text(target, names_of(target)))
    elif target.is_class:
        yield from of_class(name, target, options)
    else:
        value = ["", f"`{name} = {target.value}`"] if len(str(target.value)) < 100 else []
        words = text(target, ()) or [comment_behind(target)]
        yield from directive("data", name, options, [*words, *value])


def of_class(name: str, target: Any, options: list[str]) -> Iterator[str]:
    """A class: its fields in the order of its arguments, with what is told of each, then its methods."""
    members = [member for member in target.members.values() if not member.name.startswith("_")]
    fields = [member.name for member in members if is_field(member)]
    lines, told = described(target.docstring.value if target.docstring else "", fields)
    together = {names: what for names, what in told.items() if names not in fields}
    body = [*lines, *listed(together)]
    for member in members:
        body += ["", *of_member(member, told.get(member.name, ""))]
    yield from directive("class", name, options, body)


def of_member(member: Any, told: str) -> list[str]:
    """A field, a property or a method; told: what the docstring of the class says of it."""
    options = [
        ":no-contents-entry:",
        *(f":{label}:" for label in ("staticmethod", "classmethod") if label in member.labels),
    ]
    if is_field(member):
        return directive(
            "attribute", member.name, [*typed(member), *options], [sentence(told) or comment_behind(member)]
        )
    if member.is_attribute:
        return directive("property", member.name, [*typed(member), *options], text(member, ()))
    if member.is_function:
        return directive("method", member.name + signature(member), options, text(member, names_of(member)))
    return []


def is_field(member: Any) -> bool:
    """Whether it is a value that instances have, not one that is computed."""
    return bool(member.is_attribute and "property" not in member.labels)


def typed(attribute: Any) -> list[str]:
    """The options that say of which type an attribute is, and its default."""
    of_type = annotation(attribute.annotation) if attribute.annotation else ""
    options = {"type": of_type, "value": "" if attribute.value is None else str(attribute.value)}
    return [f":{name}: {json.dumps(value)}" for name, value in options.items() if value and "\n" not in value]


def directive(kind: str, head: str, options: Sequence[str], body: Sequence[str]) -> list[str]:
    """A directive in MyST, fenced by more marks than stand in its body."""
    most = max((len(found) for line in body for found in re.findall(f"^ *({FENCE}{{3,}})", line)), default=2)
    fence = FENCE * (most + 1)
    return [f"{fence}{{py:{kind}}} {head}", *options, "", *body, fence, ""]


def signature(function: Any) -> str:
    """The arguments and what is returned, as they are written, with whole names of types."""
    words, keyword_only = [], False
    for each in function.parameters:
        if each.name in ("self", "cls"):
            continue
        if each.kind is griffe.ParameterKind.keyword_only and not keyword_only:
            words.append("*")
        keyword_only = keyword_only or each.kind is not griffe.ParameterKind.positional_or_keyword
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(str(each.kind.value), "")
        of_type = f": {annotation(each.annotation)}" if each.annotation else ""
        default = "" if each.default is None or stars else f" = {each.default}"
        words.append(f"{stars}{each.name}{of_type}{default}")
    return f"({', '.join(words)})" + (f" -> {annotation(function.returns)}" if function.returns else "")


def annotation(expression: Any) -> str:
    """A type as it is written; names of this package are whole, as where they are defined, so that they are links."""
    if isinstance(expression, griffe.ExprName | griffe.ExprAttribute):
        whole = expression.canonical_path
        if whole.startswith("sparserl."):
            whole = defined(package()[whole.removeprefix("sparserl.")], expression.canonical_name).path
        return whole if whole in documented() else str(expression)
    return str(expression) if isinstance(expression, str) else "".join(map(annotation, expression.iterate(flat=False)))


def names_of(function: Any) -> list[str]:
    return [each.name for each in function.parameters]


def text(target: Any, names: Sequence[str]) -> list[str]:
    """What the docstring says, as Markdown, with what it tells of names as a list behind it."""
    if target.docstring is None:
        return []
    lines, told = described(target.docstring.value, names)
    return [*lines, *listed(told)]


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("reference", Reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
