"""The reference of the command line, from the commands' own words: `{command} train dqn rigl` shows that one's help.

`{listed} methods` and `{listed} environments` are what those commands list, `{presets} dqn CartPole-v1` the numbers
that an agent starts from there. All of it is asked of the program that is documented, in this process.
"""

import contextlib
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

COLUMNS = "100"  # narrow enough for one column of panels


class Option(NamedTuple):
    """An option as help shows it: `--sparsity FLOAT`, and what it is for; group: the panel that it stands in."""

    group: str
    head: str
    told: str


class Command(SphinxDirective):
    """The help of a command: what it does, and its options; with `:only:` those of some groups alone."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec: ClassVar = {"only": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        return parsed(self, command(self.arguments[0].split(), self.options.get("only")))


class Listed(SphinxDirective):
    """The table that a command lists."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        [rows] = json.loads(printed([self.arguments[0], "--json"])).values()
        return parsed(self, table([{name: shown(value) for name, value in row.items()} for row in rows]))


class Presets(SphinxDirective):
    """The choices of an agent in an environment by preset, one row for each choice that they make."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        return parsed(self, table(list(preset_rows(*self.arguments))))


def parsed(directive: SphinxDirective, lines: Iterator[str]) -> list[nodes.Node]:
    """The nodes of Markdown."""
    node = nodes.section()
    node.document = directive.state.document
    directive.state.nested_parse(StringList([*lines], source="sparserl.cli"), directive.content_offset, node)
    return node.children


def printed(words: list[str]) -> str:
    """What a command prints."""
    from sparserl.cli import main  # takes long to import, and not every build gets here

    box, before = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = COLUMNS
    try:
        with contextlib.redirect_stdout(box):
            status = main(words)
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    if status != 0:
        raise ValueError(f"sparserl {' '.join(words)} ended with {status}")
    return box.getvalue()


def command(words: list[str], only: str | None) -> Iterator[str]:
    """The Markdown of a command's help."""
    description, options = read(printed([*words, "--help"]))
    if only is None:
        yield from described(description)
    yield from [f"```{{program}} sparserl {' '.join(words)}", "```", ""]
    group = None
    for option in options:
        if only is not None and option.group not in only:
            continue
        if option.group != group and option.group != "options":
            yield from [f"```{{rubric}} {option.group[0].upper()}{option.group[1:]}", "```", ""]
        group = option.group
        yield from [f"```{{option}} {option.head}", option.told, "```", ""]


def read(text: str) -> tuple[str, list[Option]]:
    """A help as its description, and its options in order; -h, --help is left out, as every command has it."""
    lines = [re.sub(r"^[│|] ?| *[│|]$", "", line).rstrip() for line in text.splitlines()]
    description, options, group = [], [], None
    for line in lines:
        if title := re.match(r"(?:╭─|[+]-)? ?((?:\w+ )*options)(?: [─-]|$)", line):
            group = title.group(1)
        elif group is None:
            description.append(line)
        elif head := re.match(r" {0,2}(--?\w.*?)(?:  +(\S.*))?$", line):
            options.append(Option(group, head.group(1), head.group(2) or ""))
        elif options and (told := line.strip()) and not re.match(r"[╰╯─+-]+$", told):
            options[-1] = options[-1]._replace(told=f"{options[-1].told} {told}".strip())
    return "\n".join(description), [option for option in options if not option.head.startswith("-h")]


def described(description: str) -> Iterator[str]:
    """What help says before the options: usage and examples as they are, the rest as prose."""
    for paragraph in description.strip().split("\n\n"):
        prose = [line for line in paragraph.splitlines() if not line.startswith(("  ", "usage:"))]
        code = [line.strip() for line in paragraph.splitlines() if line.startswith(("  ", "usage:"))]
        yield from [*prose, ""]
        if code:
            yield from ["```text", *code, "```", ""]


def preset_rows(agent: str, environment: str) -> Iterator[dict[str, str]]:
    """Each choice as an option, with its value in each preset for RigL."""
    from sparserl import from_preset
    from sparserl.errors import UserError

    chosen: dict[str, Mapping[str, Any]] = {}
    for preset in ("paper", "published-code", "sb3"):
        with contextlib.suppress(UserError):  # not every agent has every preset
            chosen[preset] = flat(from_preset(agent, "rigl", environment, preset=preset).choices())
    for name in chosen["paper"]:
        if name != "environment":
            values = {preset: f"`{json.dumps(choices[name])}`" for preset, choices in chosen.items()}
            differs = len(set(values.values())) > 1
            bold = {
                preset: f"**{value}**" if differs and preset != "paper" else value for preset, value in values.items()
            }
            yield {"choice": f"`{name}`", **bold}


def flat(choices: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Nested choices by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in choices.items():
        found |= flat(value, f"{place}{name}.") if isinstance(value, dict) else {place + name: value}
    return found


def shown(value: Any) -> str:
    if isinstance(value, list):
        return (" x " if value and isinstance(value[0], int) else ", ").join(f"{each}" for each in value)
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def table(rows: list[Mapping[str, str]]) -> Iterator[str]:
    """A Markdown table."""
    names = list(rows[0])
    yield f"| {' | '.join(name.replace('_', ' ') for name in names)} |"
    yield f"|{'---|' * len(names)}"
    for row in rows:
        yield f"| {' | '.join(row[name].replace('|', chr(92) + '|') for name in names)} |"


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("command", Command)
    app.add_directive("listed", Listed)
    app.add_directive("presets", Presets)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
