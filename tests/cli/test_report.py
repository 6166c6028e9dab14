"""`sparserl report`: which places it takes, what it leaves behind, and what it says where something is missing."""

import contextlib
import csv
import io
import os
import subprocess
import sys
import webbrowser
from pathlib import Path

import pytest

from cli.command import call
from cli.conftest import few_figures
from report import synthetic
from sparserl.cli import main
from sparserl.cli.report.opening import show_in_browser
from sparserl.cli.report.places import asked_of
from sparserl.cli.report.writing import written_after
from sparserl.errors import UserError
from sparserl.persistence import EVALUATIONS, RunId
from sparserl.persistence.studies import stored
from sparserl.report import figures, files

SUFFIXES = (".csv", ".pdf", ".png", ".svg", ".tex")


@pytest.fixture(scope="session")  # or what is sorted to the front would make it twice
def store(tmp_path_factory):
    """Two small studies, and one run of none."""
    directory = tmp_path_factory.mktemp("store") / "results"
    for name in ("figure_5_dqn", "table_5"):
        synthetic.store_study(directory, name)
    study, documents = synthetic.planned("figure_8")
    other = next(each for each in study.experiments if each.method == "prune")
    synthetic.persistence.plan_experiment(directory, other.identifier, documents[other.identifier])
    rows = synthetic.evaluations(other, documents[other.identifier], 0)
    synthetic.store_run(RunId(other.identifier, 0).folder(directory), rows)
    return directory


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="session")  # or what is sorted to the front would make it twice
def reported(store, tmp_path_factory):
    """The folder that a report of one study was written into, and what was printed."""
    folder, printed = tmp_path_factory.mktemp("reported") / "out", io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.MonkeyPatch.context() as patch:
        few_figures(patch)
        assert main(["report", str(store), "--study", "figure_5_dqn", "--output", str(folder)]) == 0
    return folder, printed.getvalue()


def test_a_report_of_a_study_has_figures_tables_and_a_page(reported):
    folder, printed = reported
    left = {str(path): path.suffix for path in files_in(folder)}
    assert set(left.values()) == {".html", *SUFFIXES}
    assert {f"figure_5_dqn{suffix}" for suffix in SUFFIXES} <= set(left)
    assert printed.splitlines()[-1] == f"report: {folder / 'index.html'}"
    assert "dqn rigl 0.9" in printed
    assert "figure_5_dqn@smoke" in (folder / "index.html").read_text()


def test_a_study_by_name_or_folder_or_among_others(store, monkeypatch):
    monkeypatch.chdir(store.parent)
    words = ("figure_5_dqn", ()), ("figure_5_dqn@smoke", ()), (str(store / "studies/figure_5_dqn@smoke"), ())
    asked = [asked_of(*given) for given in (*words, (str(store), ("figure_5_dqn",)))]
    assert {each.title for each in asked} == {"figure_5_dqn@smoke"}
    assert {each.output.absolute() for each in asked} == {store / "studies/figure_5_dqn@smoke/report"}
    assert {each.place.absolute() for each in asked} == {store}
    assert len({each.studies[0].runs for each in asked}) == 1


@pytest.fixture
def only_named(monkeypatch):
    """Figures are drawn, one of each study, but their files are empty: where they go is looked at."""

    def touch(drawn, place):
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{drawn.name}.png").touch()

    every = files.figures_of
    monkeypatch.setattr(files, "figures_of", lambda *given: every(*given)[-1:])
    monkeypatch.setattr(files, "write", touch)


def test_a_directory_shows_each_study_and_the_runs_of_none(capsys, store, tmp_path, only_named):
    told = call(capsys, "report", store, "--output", tmp_path / "all")
    assert (told.status, told.err) == (0, "")
    folders = {path.name for path in (tmp_path / "all").iterdir() if path.is_dir()}
    assert folders == {"figure_5_dqn@smoke", "table_5@smoke"}
    assert (tmp_path / "all" / "learning_curves.png").is_file()  # of the runs of no study


def test_several_studies(capsys, store, only_named):
    several = call(capsys, "report", store, *("--study", "table_5"), *("--study", "figure_5_dqn@smoke"))
    assert several.out.splitlines()[-1] == f"report: {store / 'report' / 'index.html'}"
    assert {path.name for path in (store / "report").iterdir()} == {"figure_5_dqn@smoke", "table_5@smoke", "index.html"}


def test_experiments_and_runs_alone(capsys, store, undrawn):
    experiment = next(path for path in sorted(store.iterdir()) if "rigl" in path.name)
    for place in (experiment, experiment / "seed=1", experiment / "seed=1" / EVALUATIONS.file_name):
        told = call(capsys, "report", place)
        folder = place if place.is_dir() else place.parent
        assert (told.status, told.out.splitlines()[-1]) == (0, f"report: {folder / 'report' / 'index.html'}")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "figur_8"), "figur_8 holds no evaluations: it is not there; did you mean 'figure_8'?"),
        (("report", "figure_8"), "no study figure_8@quick in results; `sparserl study run figure_8` begins it"),
        (("report", "results", "--study", "figur_8"), "`sparserl study run` begins one; did you mean 'figure_8'?"),
        (("report", "figure_5_dqm"), "figure_5_dqm holds no evaluations: it is not there; did you mean 'figure_5_dqn"),
        (("report", "results", "--study", "table_6"), "no study table_6@quick in results"),
        (("report", "results", "--study", "table_6"), "did you mean 'table_5@smoke'?"),
        (
            ("report", "results/studies/table_5@smoke", "--study", "x"),
            "--study is 'x': it goes with a results directory",
        ),
    ],
)
def test_wrong_names_are_told_with_the_nearest(capsys, store, monkeypatch, words, message):
    monkeypatch.chdir(store.parent)
    told = call(capsys, *words)
    assert (told.status, told.out, told.err.count("\n")) == (2, "", 1)
    assert message in told.err


def test_what_is_missing_or_damaged_is_said_and_the_rest_is_shown(capsys, tmp_path, undrawn):
    synthetic.store_study(tmp_path, "figure_5_dqn", keep=lambda run: run.seed == 0)
    damaged, *_ = tmp_path.glob("*rigl*/seed=0/evaluations.parquet")
    damaged.write_bytes(damaged.read_bytes()[:-20])
    told = call(capsys, "report", tmp_path, "--study", "figure_5_dqn", "--output", tmp_path / "out")
    assert told.status == 0
    assert told.err == (
        f"sparserl: left out: {damaged} is damaged, or no file of sparserl's: its content does not match its checksum\n"
    )
    assert "figure_5_dqn@smoke: 4 of 6 runs have no evaluation yet" in told.out
    page = (tmp_path / "out" / "index.html").read_text()
    assert "is damaged" in page
    for file in tmp_path.glob("*/seed=*/evaluations.parquet"):
        file.unlink()
    told = call(capsys, "report", tmp_path)
    assert (told.status, told.out, told.err.count("\n")) == (2, "", 1)
    told = call(capsys, "report", tmp_path, "--study", "figure_5_dqn", "--output", tmp_path / "none")
    assert (told.status, told.err.count("\n")) == (0, 1)
    assert "figure_5_dqn@smoke: 6 of 6 runs have no evaluation yet" in told.out
    assert "6 of the study\u2019s 6 runs have no evaluation yet" in (tmp_path / "none" / "index.html").read_text()


def test_a_page_is_opened_or_its_path_is_told(capsys, store, tmp_path, monkeypatch, undrawn):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or len(opened) == 1)
    experiment = next(path for path in sorted(store.iterdir()) if "rigl" in path.name)
    words = ("report", experiment, "--output", tmp_path, "--open")
    assert call(capsys, *words).err == ""
    assert opened == [(tmp_path / "index.html").as_uri()]
    show_in_browser(tmp_path / "index.html")
    assert capsys.readouterr().err == f"sparserl: there is no browser to open {tmp_path / 'index.html'} with\n"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UserError("the disk is full"), ZeroDivisionError("by zero")])
def test_a_report_that_fails_at_the_end_of_a_study_costs_one_line(capsys, store, monkeypatch, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(files, "write_report", fail)
    study = stored(store, "table_5", "smoke")
    assert written_after(store, study) is None
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith(("sparserl: the report was stopped", "sparserl: no report is written"))
    assert str(error) in told.err


PROGRAM = """
import sys
from sparserl.cli import main
from sparserl.report import figures, files

every = files.standard_figures
files.standard_figures = lambda selection: every(selection)[:1]
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.processes
def test_equal_results_give_equal_bytes_whatever_the_order_of_files_and_the_hash_seed(store, reported, tmp_path):
    """Copied in reverse order, in a process with another hash seed."""
    copied = tmp_path / "elsewhere" / "results"
    for file in sorted((path for path in store.rglob("*") if path.is_file()), reverse=True):
        if "report" not in file.relative_to(store).parts:
            (copied / file.relative_to(store)).parent.mkdir(parents=True, exist_ok=True)
            (copied / file.relative_to(store)).write_bytes(file.read_bytes())
    words = ["report", "results", "--study", "figure_5_dqn", "--output", str(tmp_path / "there")]
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", PROGRAM, *words]
    subprocess.run(command, cwd=copied.parent, env=environment, check=True, capture_output=True)
    here, there = files_in(reported[0]), files_in(tmp_path / "there")
    assert here == there
    assert Path("index.html") in here


def files_of(folder, *suffixes):
    return [path for path in folder.iterdir() if path.suffix in suffixes]


HOSTILE = (
    "\x1b]0;x\x07\x9b2J",
    "=cmd|' /C calc'!A0\r\n",
    "\\input{x} $y$ % & _ ^ # ~",
    "\u202e</script><img src=x onerror=a()>",
)


def test_text_of_strangers_commands_neither_terminal_nor_spreadsheet_nor_tex(capsys, tmp_path, only_named, monkeypatch):
    """Names of environments, methods and agents, messages, and a folder whose name is no text at all."""
    monkeypatch.setattr(files, "write", figures.write)
    directory = tmp_path / os.fsdecode(b"r\xff\x1b[2J\n")
    for number, text in enumerate(HOSTILE):
        named = {"agent": text, "method": text, "environment": f"{number}{text}", "sparsity": 0.5, "seed": 0}
        facts = dict.fromkeys(("distribution", "preset", "storage", "network_kind", "randomness"), text)
        row = dict.fromkeys(EVALUATIONS.schema.names, 0) | named | facts | {"experiment_id": f"e-{number}"}
        synthetic.store_run(directory / f"e-{number}" / "seed=0", [row | {"mean_return": 1.0, "environment_steps": 10}])
    (directory / "e-0" / "seed=1").mkdir()
    told = call(capsys, "report", directory, "--output", tmp_path / "out")
    assert (told.status, told.err.count("\n")) == (0, 1)
    assert "\\x1b]0;x\\x07\\x9b2J" in told.out
    texts = {
        path: path.read_text() for path in (tmp_path / "out").iterdir() if path.suffix in (".csv", ".tex", ".html")
    }
    for text in (told.out, told.err, *texts.values()):
        assert not [each for each in text if not each.isprintable() and each not in "\n\t\u00ad\u200c\u200d"][:5]
    [cells] = [list(csv.reader(io.StringIO(text))) for path, text in texts.items() if path.suffix == ".csv"]
    assert not [cell for row in cells for cell in row if cell[:1] in "=+-@" and cell]
    [latex] = [text for path, text in texts.items() if path.suffix == ".tex"]
    assert "\\textbackslash{}input\\{x\\} \\$y\\$ \\% \\& \\_ \\textasciicircum{} \\# \\textasciitilde{}" in latex
