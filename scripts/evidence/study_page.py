"""The page and the figures of a kept study: its question, its answers in numbers, and how to look at it again."""

import collections
import tempfile
from collections.abc import Iterator
from pathlib import Path

from evidence.kept import REPRODUCTION, RESULTS, ROOT, Kept
from sparserl.errors import UserError
from sparserl.report import markdown
from sparserl.report.claims import answers, cautions
from sparserl.report.figures import draw, write
from sparserl.report.provenance import processor_of
from sparserl.study.catalogue import catalogue_names

SPARSERL = ".venv/bin/sparserl"
PART = "what scripts/pack-study writes"


def write_study_page(kept: Kept, folder: Path) -> list[Path]:
    """Draw the study's figures as PNG into `folder`, and write its README.md; what people wrote around it stays."""
    pictures = _drawn(kept, folder)
    page = folder / "README.md"
    if not page.exists():
        page.write_text(f"# {kept.selection.question}\n\n<!-- {PART} -->\n<!-- end of {PART} -->\n", encoding="utf-8")
    markdown.fill(page, PART, _text(kept, folder.name, pictures))
    return [page, *pictures]


def _drawn(kept: Kept, folder: Path) -> list[Path]:
    pictures = []
    with tempfile.TemporaryDirectory() as place:
        for figure in kept.selection.figures:
            for path in write(draw(figure, kept.selection), place):
                if path.suffix == ".png":
                    pictures.append(folder / path.name)
                    pictures[-1].write_bytes(path.read_bytes())
    return pictures


def _text(kept: Kept, folder: str, pictures: list[Path]) -> str:
    selection = kept.selection
    said = answers(selection, kept.diagnostics, kept.noise)
    count = f"{len(kept.runs):,} of {kept.num_planned:,} runs" if selection.missing else f"all {len(kept.runs):,} runs"
    preset = selection.preset or "paper"
    again = "" if preset == "paper" else f" --preset {preset}"
    name = selection.name
    of_whom, again_by = f"The catalogue's study `{name}`", name
    if name not in catalogue_names():
        file = _file_of(name)
        of_whom = f"The study of [`{name}.py`](../{file.relative_to(REPRODUCTION)})"
        again_by = str(file.relative_to(ROOT))
    place = f"[`{RESULTS}/`]({RESULTS}/)"
    here = f"{count} are here, in {place}, with their choices and evaluations and without checkpoints."
    if not kept.num_planned:
        here = f"nothing is trained for it, and what its {len(selection.experiments)} networks compute is in {place}."
    lines = [
        f"{of_whom}, at scale `{selection.scale}`, preset `{preset}`:",
        f"{here} What they say of the paper's claims: [verdicts](../README.md).",
        *(f"\n![{selection.question}]({picture.name})" for picture in pictures),
        "",
        *(f"- {sentence}" for sentence in (*said, *cautions(selection), *_processors(kept))),
        f"\nThe same as figures, tables and a page{', and the runs once more' if kept.num_planned else ''}:\n",
        f"    {SPARSERL} report reproduction/{folder}/{RESULTS} --study {name} --output {folder}_report",
        f"    {SPARSERL} study run {again_by} --scale {selection.scale}{again}",
    ]
    return "\n".join(lines)


def _processors(kept: Kept) -> Iterator[str]:
    """What the runs were compiled for, by LLVM's names of processors."""
    names = collections.Counter(processor_of(run) or "not known" for run in kept.selection.runs)
    if names:
        yield f"Processors: {', '.join(f'{name} ({count:,} runs)' for name, count in names.most_common())}."


def _file_of(name: str) -> Path:
    """The study file of that name under reproduction/. Raises UserError where there is none, or more than one."""
    found = sorted(REPRODUCTION.glob(f"*/{name}.py"))
    if len(found) != 1:
        where = ", ".join(str(file.relative_to(ROOT)) for file in found) or "none"
        raise UserError(
            f"study {name} is not in the catalogue: one {name}.py under reproduction/ is wanted, not {where}"
        )
    return found[0]
