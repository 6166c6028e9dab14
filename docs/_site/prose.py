"""Docstrings and comments of the source as Markdown: what names are stands in a list, code in a block."""

import re
from collections.abc import Sequence
from typing import Any

_AFTER = r"(?:^|(?<=[.;] )|(?<=[.;]\n))"  # where a sentence begins


def described(docstring: str, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The lines of a docstring, and what it tells of names: parameters or fields, in paragraphs `x: what. y: what.`"""
    lines: list[str] = []
    told: dict[str, str] = {}
    for paragraph in re.split(r"\n\s*\n", docstring.strip("\n")):
        if paragraph.startswith("    "):
            lines += ["```python", *(line[4:] for line in paragraph.splitlines()), "```", ""]
        else:
            rest, more = _explained(paragraph, names)
            lines += [*rest, ""]
            told |= more
    return lines, told


def listed(told: dict[str, str]) -> list[str]:
    """What is told of names as a list."""
    return ["", *(f"- {', '.join(f'`{each}`' for each in names.split(', '))}: {what}" for names, what in told.items())]


def _explained(paragraph: str, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """What a paragraph says besides what names are, and that."""
    name = f"(?:{'|'.join(map(re.escape, names))})" if names else "(?!)"
    starts = list(re.finditer(rf"{_AFTER}`?({name}(?:`?, `?{name})*)`?: ", paragraph))
    if not starts:
        return paragraph.splitlines(), {}
    raises = re.search(rf"{_AFTER}Raises ", paragraph[starts[-1].end() :])
    end = len(paragraph) if raises is None else starts[-1].end() + raises.start()
    ends = [*(start.start() for start in starts[1:]), end]
    told = {
        start.group(1).replace("`", ""): " ".join(paragraph[start.end() : stop].split()).rstrip(";")
        for start, stop in zip(starts, ends, strict=True)
    }
    return [*paragraph[: starts[0].start()].splitlines(), "", *paragraph[end:].splitlines()], told


def comment_behind(attribute: Any) -> str:
    """The comment behind a field, and on the lines below it, as a sentence; empty where there is none."""
    lines = attribute.lines_collection[attribute.filepath]
    behind = re.search(r"  # (.*)", lines[attribute.endlineno - 1])
    if behind is None:
        return ""
    words = [behind.group(1)]
    for line in lines[attribute.endlineno :]:
        if not (more := re.fullmatch(r" *# (.*)", line)):
            break
        words.append(more.group(1))
    return sentence(" ".join(words))


def sentence(words: str) -> str:
    """Words that begin small, as behind a name, as a sentence."""
    return f"{words[0].upper()}{words[1:]}{'' if words.endswith('.') else '.'}" if words else ""
