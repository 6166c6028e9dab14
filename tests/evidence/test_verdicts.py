"""The page of verdicts: what kept rows say, each disagreement explained, and studies packed for it."""

import shutil
from pathlib import Path

import pytest

from evidence import verdicts, written
from evidence.asked import JOINED, STUDIES, TITLES
from evidence.disagreements import Disagreement, check, read_disagreements
from evidence.kept import REPRODUCTION, ROOT, Kept, kept_in, studies_of
from evidence.page import page
from evidence.study_page import write_study_page
from evidence.verdicts import Told, told_by
from sparserl.errors import UserError
from sparserl.persistence import pack, read_status, write_status
from sparserl.persistence.studies import stored
from sparserl.report.claims import CLAIMS
from sparserl.study.catalogue import catalogue_names

FIGURE_5 = REPRODUCTION / "figure_5_dqn"
WHOLE = Disagreement(9, "DQN, quick", ("it falls",), "us", "because", "once more", "sparserl train")


@pytest.fixture(scope="module")
def everything_kept() -> list[Kept]:
    return kept_in()


@pytest.fixture(scope="module")
def told(everything_kept: list[Kept]) -> list[Told]:
    return told_by([each for each in everything_kept if each.folders == (FIGURE_5.name,)])


def test_the_page_that_is_kept_says_what_the_rows_say(everything_kept: list[Kept]) -> None:
    for path, text in written.verdicts(everything_kept).items():
        assert path.read_text(encoding="utf-8") == text, "scripts/write-verdicts writes it again"


def test_every_claim_names_studies_that_there_are() -> None:
    assert list(STUDIES) == list(TITLES) == sorted({claim.number for claim in CLAIMS}) == list(range(1, 13))
    named = {name for asks in STUDIES.values() for ask in asks for name in ask.studies}
    files = {name for name in named if name.endswith(".py")}
    assert all((ROOT / name).is_file() for name in files)
    assert named - files <= set(catalogue_names())
    parts = {file.stem for file in (REPRODUCTION / "parts_of_grids").glob("*.py")}
    assert {name for names in JOINED for name in names} <= {*catalogue_names(), *parts}


def test_a_disagreement_without_text_and_a_text_without_disagreement_are_told(told: list[Told]) -> None:
    disagreeing = [(each, part) for each in told for part in each.disagreeing]
    entries = [
        WHOLE._replace(claim=each.finding.number, where=each.where, statements=(part.statement,))
        for each, part in disagreeing
    ]
    check(told, entries)
    with pytest.raises(UserError, match=r"claim 9 \(DQN, quick\) does not hold and has no text: .*0.052 .*; write an"):
        check(told, [entry for entry in entries if entry.claim != 9])
    misspelt = next(entry for entry in entries if entry.claim == 2)
    misspelt = misspelt._replace(statements=("RigL at 90 % keeps the returns of dense",))
    more = [*entries, misspelt]
    with pytest.raises(UserError, match="did you mean 'RigL at 90 % keeps the return of dense'"):
        check(told, more)
    with pytest.raises(UserError, match="has two texts for claim 1"):
        check(told, [*entries, entries[0]])


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("claim = 9", "entry 1 has no where and no statements"),
        ("claim = ", "cannot be read"),
        ('cause = "we"', "cause is 'we'.*choose us, the published code, the reduced scale, the claim or not known"),
        ('couse = "us"', "did you mean 'cause'"),
        ('statements = "it falls"', "takes a list of words"),
    ],
)
def test_a_damaged_file_of_disagreements_is_told_in_one_line(lines: str, problem: str, tmp_path: Path) -> None:
    file, name = tmp_path / "disagreements.toml", lines.partition(" ")[0]
    rest = {each: value for each, value in WHOLE._asdict().items() if each != name} if name != "claim" else {}
    text = [f"{each} = {list(value) if isinstance(value, tuple) else value!r}" for each, value in rest.items()]
    file.write_text("\n".join(["[[disagreement]]", lines, *text]))
    with pytest.raises(UserError, match=problem) as raised:
        read_disagreements(file)
    assert "\n" not in str(raised.value)


def test_a_claim_is_asked_of_the_larger_of_two_studies(told: list[Told], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = told[0].kept
    part = whole._replace(selection=whole.selection._replace(name="part", runs=whole.selection.runs[:60]))
    monkeypatch.setattr(verdicts, "_findings", lambda kept: [each.finding for each in told])
    assert {each.kept.selection.name for each in told_by([part, whole])} == {"figure_5_dqn"}
    assert len(told_by([part, whole, whole])) == len(told)


def test_a_study_is_packed_without_what_is_large_and_says_how_much_of_it_is_there(tmp_path: Path) -> None:
    source, place = FIGURE_5 / "results", tmp_path / "figure_5_dqn" / "results"
    name = "dqn-rigl-Acrobot-v1-0.95-f1475547"
    for part in (name, "studies"):
        shutil.copytree(source / part, tmp_path / "lab" / part)
    (tmp_path / "lab" / name / "seed=0" / "log.txt").write_text("a log")
    running = tmp_path / "lab" / name / "seed=4"
    write_status(running, read_status(running)._replace(status="interrupted"))
    study = stored(tmp_path / "lab", "figure_5_dqn", "quick")
    packed = pack(tmp_path / "lab", study, place)
    assert (packed.num_runs, packed.num_planned) == (4, 75)
    assert {file.name for file in (place / name / "seed=0").iterdir()} == {
        "evaluations.parquet",
        "status.json",
        "diagnostics.parquet",
    }
    assert not (place / name / "seed=4").exists()
    [kept] = studies_of(place.parent)
    kept = kept._replace(selection=kept.selection._replace(figures=()))  # drawing is the report's, and takes a second
    write_study_page(kept, place.parent)
    readme = place.parent / "README.md"
    readme.write_text(readme.read_text() + "\nBy hand.\n")
    write_study_page(kept, place.parent)
    assert "4 of 75 runs are here" in readme.read_text()
    assert "The catalogue's study `figure_5_dqn`" in readme.read_text()
    assert "- Processors: znver4 (4 runs)." in readme.read_text()
    assert readme.read_text().count("<!-- what scripts/pack-study writes -->") == 1
    assert readme.read_text().endswith("By hand.\n")
    pack(tmp_path / "lab", study, place, with_diagnostics=False)
    assert not list(place.rglob("diagnostics.parquet"))
    hours = {("shares_half_cheetah", "quick"): 12.3, ("figure_2_sac", "quick"): 2.0, ("figure_12_sac", "quick"): 3.0}
    lines = page([], kept_in(tmp_path), [], hours).splitlines()
    assert lines[-1].endswith("| quick, paper | 4 of 75 |")
    command = "sparserl study run reproduction/parts_of_grids/shares_half_cheetah.py --scale quick"
    assert any(f"no runs yet | `{command}` (12.3 at `quick`, in core-hours)" in line for line in lines)
    assert any("`figure_2_sac` with `figure_12_sac` (at most 5 at `quick`, in core-hours)" in line for line in lines)


def test_a_study_of_a_file_is_told_with_its_file(tmp_path: Path, told: list[Told]) -> None:
    kept = told[0].kept
    alone = lambda name: kept._replace(selection=kept.selection._replace(name=name, figures=()))
    write_study_page(alone("dqn_classic"), tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "The study of [`dqn_classic.py`](../parts_of_grids/dqn_classic.py)" in text
    assert "sparserl study run reproduction/parts_of_grids/dqn_classic.py --scale quick" in text
    with pytest.raises(UserError, match=r"study nothing is not in the catalogue: one nothing\.py under .* is wanted"):
        write_study_page(alone("nothing"), tmp_path)


def test_what_an_experiment_told_stands_behind_it(told: list[Told]) -> None:
    entry = WHOLE._replace(claim=told[0].finding.number, where=told[0].where, told="It was us.")
    lines = "\n".join([page(told, [], [entry], {})]).splitlines()
    begun = lines.index("*What it told:* It was us.")
    assert lines[begun - 2].strip() == entry.command
    assert not any("What it told" in line for line in page(told, [], [entry._replace(told="")], {}).splitlines())


def test_what_an_experiment_leaves_of_a_verdict_stands_in_the_table_on_top(told: list[Told]) -> None:
    refuted = next(each for each in told if each.finding.number == 9)
    entry = WHOLE._replace(where=refuted.where, statements=(refuted.disagreeing[0].statement,), since="gone at 512")
    row = lambda entry: next(line for line in page(told, [], [entry], {}).splitlines() if line.startswith("| 9. "))
    assert "| does not hold, but gone at 512 |" in row(entry)
    for other in (entry._replace(since=""), entry._replace(claim=2), entry._replace(statements=("another",))):
        assert "| does not hold |" in row(other)


def test_each_rule_names_the_statements_that_it_is_put_to(told: list[Told]) -> None:
    refuted = next(each for each in told if each.finding.number == 9)
    lines = page([refuted], [], [], {}).splitlines()
    assert [line.partition(" where ")[0] for line in lines if " where the interval" in line] == [
        "- Statement 1 holds",
        "- Statement 2 holds",
    ]
    assert lines[lines.index(next(line for line in lines if line.startswith("- Statement 2"))) + 1] == ""
