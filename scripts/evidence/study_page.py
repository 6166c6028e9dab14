"""The page and the figures of a kept study: its question, its answers in numbers, and how to look at it again."""

import tempfile
from pathlib import Path

from evidence.kept import RESULTS, Kept
from sparserl.report import markdown
from sparserl.report.claims import answers, cautions
from sparserl.report.figures import draw, write

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
    lines = [
        f"The catalogue's study `{selection.name}` at scale `{selection.scale}`, preset `{preset}`: {count} are here,",
        f"in [`{RESULTS}/`]({RESULTS}/), with their choices and evaluations and without checkpoints. What they say of",
        "the paper's claims: [verdicts](../README.md).",
        *(f"\n![{selection.question}]({picture.name})" for picture in pictures),
        "",
        *(f"- {sentence}" for sentence in (*said, *cautions(selection))),
        "\nThe same as figures, tables and a page, and the runs once more:\n",
        f"    {SPARSERL} report reproduction/{folder}/{RESULTS} --study {selection.name} --output {folder}_report",
        f"    {SPARSERL} study run {selection.name} --scale {selection.scale}{again}",
    ]
    return "\n".join(lines)
