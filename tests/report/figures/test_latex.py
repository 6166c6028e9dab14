"""Tables for LaTeX: every text is shown and none obeyed, and what was written compiles."""

import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from report.page.hostile import TEXTS
from sparserl.report.figures.latex import to_latex

PREAMBLE = "\\usepackage[T1]{fontenc}\\usepackage{lmodern,booktabs,graphicx,longtable}"


def rows_of(written: str) -> list[str]:
    return [line for line in written.splitlines() if line.endswith(r"\\")]


def test_every_character_is_shown_and_none_is_obeyed() -> None:
    hostile = "\\input{/etc} $x_1^2$ 50 % & #1 ~ <a> [b]* -- ,, ''\n\t"
    head, first, second = rows_of(to_latex(("name", "n"), [(hostile, 3), ("[x]", None)]))
    assert first == (
        "\\textbackslash{}input\\{/etc\\} \\$x\\_1\\textasciicircum{}2\\$ 50 \\% \\& \\#1 "
        "\\textasciitilde{} \\textless{}a\\textgreater{} {[}b]{*} {-}{-} {,}, {'}{'}   & 3 \\\\"
    )
    assert (head, second) == ("name & n \\\\", "{[}x] &  \\\\")


def test_letters_stay_where_latex_has_them_and_are_spelled_out_elsewhere() -> None:
    """Beyond Latin letters pdflatex stops with "Unicode character not set up", and asks what to do."""
    written = to_latex(("name",), [("Größe e\u0301 \u2212 \u2026",), ("\u65e5 \u03c3 \u0301 \U0001f600",), ("\u0166",)])
    spelled = r"\u65e5 \u03c3 \u0301 \U0001f600".replace("\\", r"\textbackslash{}")
    assert rows_of(written)[1:3] == ["Größe \u00e9 \\textminus{} \\ldots{} \\\\", f"{spelled} \\\\"]
    every = to_latex(("text",), [(text,) for text in TEXTS])
    assert set(re.findall(r"[^\x00-\xff]", every)) == set(), "no hostile text has another letter that LaTeX knows"
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", every)


def test_numbers_have_minus_signs_and_powers_of_ten() -> None:
    values = (1234.5678, -2, -0.0, 1.5e-9, -123_456.7, math.nan, -math.inf, 10**12, 1e10)
    cells = [line.removesuffix(r" \\") for line in rows_of(to_latex(("x",), [(value,) for value in values]))[1:]]
    small, large = r"1.5$ \times 10^{-9}$", r"1$ \times 10^{10}$"
    assert cells == ["1235", "$-$2", "0", small, "$-$123457", "nan", "$-$inf", "1000000000000", large]


def test_wide_tables_are_made_smaller_long_ones_broken_and_long_texts_set_in_lines() -> None:
    short = to_latex(("live_parameters", "remark", "word"), [(1, "no network " * 9, "y" * 60)])
    needed, scaled, begun, *_ = short.splitlines()
    assert needed == r"% \usepackage[T1]{fontenc} \usepackage{booktabs} \usepackage{graphicx}"
    assert scaled.startswith(r"\noindent\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{")
    assert begun == r"\begin{tabular}{rp{16em}p{16em}}"
    assert f"{'y' * 24}\\allowbreak{{}}{'y' * 24}\\allowbreak{{}}{'y' * 12}" in short
    assert rows_of(short)[0] == r"live parameters & remark & word \\"
    long = to_latex(("x",), [(number,) for number in range(60)])
    assert long.startswith(needed.replace("graphicx", "longtable"))
    assert long.index("x \\\\") < long.index("\\endhead") < long.index("\\endfoot") < long.index("0 \\\\")
    assert len(rows_of(long)) == 61


@pytest.mark.processes
@pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex; apt install texlive-latex-recommended lmodern"
)
def test_what_was_written_compiles_whatever_its_texts_are(tmp_path: Path) -> None:
    rows = [(text, -number * 1.5e-7) for number, text in enumerate(TEXTS)]
    inputs = []
    for number, table in enumerate((rows, rows[:9], [], *([row] for row in rows))):
        written = to_latex((table[0][0] if table else "head", "x"), table)
        (tmp_path / f"{number}.tex").write_text(written, "utf-8", "backslashreplace")
        inputs.append(f"\\input{{{number}.tex}}\n\n")
    document = f"\\documentclass{{article}}{PREAMBLE}\\begin{{document}}{''.join(inputs)}\\end{{document}}"
    (tmp_path / "all.tex").write_text(document)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2_000:]
    assert "Overfull \\hbox" not in done.stdout
