"""The documents as data: their blocks of code, and the commands in them, each with where it stands."""

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/[!_]*/*.md"),
        ROOT / "reproduction" / "README.md",
        *ROOT.glob("reproduction/*/README.md"),
        *ROOT.glob("examples/*.md"),
    ]
)
SHELL = ("sh", "bash", "shell", "console")
PYTHON = ("python", "py", "python3", "pycon")
# What a line of an indented block begins with where it is a command and not a table or what a command prints.
PROGRAMS = re.compile(
    r"(?:[A-Z_]+=\S* )*(?:\S*/)?(sparserl|python3?|pip|make|dask|cmake|duckdb|tensorboard|taskset|git|conda|uv|apt"
    r"|apt-get|docker|ssh|sbatch|srun|kubectl|jupyter|[\w-]+-gcc|gcc|cc|for|mkdir|cd|source|export|unzip|curl)(?= |$)"
    r"|\.?(?:[\w.$]+/)+[\w.-]+(?= |$)"
)


def name_of(page: Path) -> str:
    """A page as people call it: docs/index.md."""
    return str(page.relative_to(ROOT)) if page.is_relative_to(ROOT) else page.name


class Block(NamedTuple):
    """A block of code; told: the comment on the line before it, as in `not run: needs a Slurm cluster`."""

    page: str
    line: int
    language: str
    text: str
    told: str
    is_fenced: bool

    @property
    def is_commands(self) -> bool:
        """Whether it is what people type into a shell: it says so, or it is indented and begins like that."""
        if self.language in SHELL:
            return True
        return self.language == "" and bool(PROGRAMS.match(self.text.lstrip("$ ")))

    @property
    def is_left_out(self) -> bool:
        """Whether it says why it cannot run."""
        return self.told.startswith("not run: ")

    @property
    def is_thorough(self) -> bool:
        """Whether it says that it takes long."""
        return self.told.startswith("thorough: ")


class Command(NamedTuple):
    """One command of a block, as it is typed, on one line."""

    block: Block
    text: str

    def __str__(self) -> str:
        return f"{self.block.page}:{self.block.line}: {self.text}"


@functools.cache
def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    name, found, told = name_of(page), list[Block](), ""
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block"):
            assert token.map is not None
            language = token.info.split()[0] if token.info.strip() else ""
            found.append(Block(name, token.map[0] + 1, language, token.content, told, token.type == "fence"))
        comment = (
            re.fullmatch(r"<!--\s*(.*?)\s*-->\s*", token.content, re.DOTALL) if token.type == "html_block" else None
        )
        told = comment.group(1) if comment else ""
    return found


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block: continued lines are joined, and what an aligned column says of them is left away."""
    text = re.sub(r"[ \t]*\\\n[ \t]*", " ", block.text)
    for line in text.splitlines():
        typed = re.split(r"\s{3,}(?=\S)| +# ", line.removeprefix("$ ").strip())[0]
        if not typed or typed.startswith("#"):
            continue
        is_loop = typed.startswith("for ")
        for part in [typed] if is_loop else typed.split(" && "):
            yield Command(block, part)


def all_commands(pages: Sequence[Path] = PAGES) -> list[Command]:
    """The commands of all blocks that are such."""
    return [each for page in pages for block in blocks(page) if block.is_commands for each in commands(block)]
