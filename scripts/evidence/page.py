"""The page of verdicts, `reproduction/README.md`, from what kept runs say and what people have written of it."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evidence.asked import STUDIES, TITLES, Ask
from evidence.costs_page import three_digits
from evidence.disagreements import Disagreement
from evidence.kept import Kept
from evidence.verdicts import Told
from sparserl.report.claims import CLAIMS

Hours = Mapping[tuple[str, str], float]  # core-hours by study and scale; none where nothing was measured

HEAD = """# Verdicts: the paper's claims in our runs

Twelve claims of Graesser et al., "The State of Sparse Training in Deep Reinforcement Learning" (ICML 2022), each put by
a stated rule to the studies and rows that are listed under [the runs](#the-runs); others kept here, as those of equal
[seconds](return_against_seconds/) and of [width](width/), answer questions of their own. `scripts/write-verdicts`
writes this page by the functions that `sparserl report` uses, and a test holds it to them; only the paragraphs on
disagreements are written by hand, in [`disagreements.toml`](disagreements.toml). What verdicts and intervals are:
[statistics](../docs/statistics.md). All figures and tables of the paper, with the command for each:
[paper map](../docs/paper-map.md); what every study takes, in core-hours: [costs](costs/).

*Holds*: every statement of the claim does. *Does not hold*: of at least one the interval leaves out what is claimed, or
as many seeds as the paper has do not show it. *Not enough runs*: too few, or an
interval that reaches both sides with fewer seeds than the paper has. Numbers in brackets are 95 % intervals over seeds.
*Cells* are groups of runs that differ in nothing but what is compared: an environment at one sparsity, say.
"""


_ROWS_ALONE = "Not asked, as rows alone do not say how large networks are, or have none of a kind"


def page(told: Sequence[Told], kept: Sequence[Kept], written: Sequence[Disagreement], hours: Hours) -> str:
    """The whole page."""
    sections = [HEAD, _summary(told, written, hours), *_claims(told, written, hours), _runs(kept)]
    return "\n".join(section.rstrip() + "\n" for section in sections)


def _summary(told: Sequence[Told], written: Sequence[Disagreement], hours: Hours) -> str:
    lines = ["| claim | verdict | whose runs | seeds | scale, preset |", "|---|---|---|---|---|"]
    for number, title in TITLES.items():
        own = [each for each in told if each.finding.number == number]
        link = f"{number}. [{title}](#{_anchor(number)})"
        for each in own:
            source = f"{each.finding.where.strip()}: {_source(each)}"
            verdict = ", but ".join([each.finding.verdict, *_since(each, written)])
            lines.append(f"| {link} | {verdict} | {source} | {_seeds(each)} | {_scale(each)} |")
        if not own:
            ask = STUDIES[number][0]
            lines.append(f"| {link} | no runs yet | {_commands(ask)}{_in_brackets(ask, hours)} | | |")
    return "## In short\n\n" + "\n".join([*lines, "", _counted(told, written)])


def _since(told: Told, written: Sequence[Disagreement]) -> list[str]:
    """What experiments since then have left of a finding that does not hold."""
    disagreeing = {part.statement for part in told.disagreeing}
    is_about = lambda entry: (entry.claim, entry.where) == (told.finding.number, told.where)
    return [entry.since for entry in written if entry.since and is_about(entry) and disagreeing & {*entry.statements}]


def _counted(told: Sequence[Told], written: Sequence[Disagreement]) -> str:
    """The claims by the least that is said of them: `Not enough runs: RigL is about as good as SET (3).`"""
    verdicts = {number: {each.finding.verdict for each in told if each.finding.number == number} for number in STUDIES}
    kinds = {
        "Holds wherever it was asked": lambda said: said == {"holds"},
        "Does not hold, in some runs at least": lambda said: "does not hold" in said,
        "Not enough runs": lambda said: "not enough runs" in said and "does not hold" not in said,
        "No runs yet": lambda said: not said,
    }
    refuted = [each for each in told if each.finding.verdict == "does not hold"]
    standing = {each.finding.number for each in refuted if not _since(each, written)}
    since = {each.finding.number: f", since then {' and '.join(_since(each, written))}" for each in refuted}
    said = lambda number: f"{TITLES[number]} ({number}{'' if number in standing else since.get(number, '')})"
    counted = {name: [said(number) for number in STUDIES if test(verdicts[number])] for name, test in kinds.items()}
    return " ".join(f"*{name}*: {'; '.join(titles)}." for name, titles in counted.items() if titles)


def _anchor(number: int) -> str:
    """The address of a claim's section, as GitHub and the site make it of the heading."""
    return f"{number} {TITLES[number]}".lower().replace(" ", "-")


def _claims(told: Sequence[Told], written: Sequence[Disagreement], hours: Hours) -> Iterator[str]:
    for number in STUDIES:
        texts = [claim.text for claim in CLAIMS if claim.number == number]
        yield f"## {number}. {TITLES[number]}\n\n" + "\n".join(f"> {text}.\n" for text in texts)
        own = [each for each in told if each.finding.number == number]
        for each in own:
            yield _finding(each)
        for entry in written:
            if entry.claim == number:
                yield _disagreement(entry)
        needs = "; ".join(claim.needs for claim in CLAIMS if claim.number == number)
        studies = ", ".join(f"{_named(ask)}{_in_brackets(ask, hours)}" for ask in STUDIES[number])
        yield f"{'More runs would say more' if own else 'No runs yet'}: it takes {needs}. Studies: {studies}."


def _finding(told: Told) -> str:
    several = len([claim for claim in CLAIMS if claim.number == told.finding.number]) > 1
    about = f' Of "{told.finding.claim}":' if several else ""
    verdict = told.finding.verdict
    head = f"**{verdict[0].upper()}{verdict[1:]}** ({told.where}; {_source(told)}; preset {_preset(told)}).{about}"
    rows = [f"| {part.statement} | {part.numbers or '-'} | {part.verdict} |" for part in told.parts]
    rest = [part.statement for part in told.finding.parts if part not in told.parts]
    lines = [head, "", "| statement | our number | verdict |", "|---|---|---|", *rows]
    lines += ["", *_rules([part.rule for part in told.parts])]
    if rest:
        lines.append(f"{'Without runs' if told.finding.scale else _ROWS_ALONE}: {'; '.join(rest)}.")
    return "\n".join([*lines, told.finding.warning and f"{told.finding.warning[0].upper()}{told.finding.warning[1:]}."])


def _rules(rules: Sequence[str]) -> list[str]:
    """The rule of the statements, or those of each, by their places in the table."""
    if len(set(rules)) == 1:
        return [f"A statement holds where {rules[0]}."]
    places = {rule: [place for place, other in enumerate(rules, 1) if other == rule] for rule in dict.fromkeys(rules)}
    return [*(f"- {_listed(of)} where {rule}." for rule, of in places.items()), ""]


def _listed(places: Sequence[int]) -> str:
    if len(places) == 1:
        return f"Statement {places[0]} holds"
    return f"Statements {', '.join(map(str, places[:-1]))} and {places[-1]} hold"


def _disagreement(entry: Disagreement) -> str:
    said = "; ".join(entry.statements)
    told = f"\n*What it told:* {entry.told.strip()}\n" if entry.told else ""
    cause = "The cause is not known" if entry.cause == "not known" else f"Most likely it is {entry.cause}"
    return (
        f"**Why not ({entry.where}): {said}.** {cause}. {entry.text.strip()}\n\n"
        f"*What could tell:* {entry.experiment.strip()}\n\n    {entry.command.strip()}\n{told}"
    )


def _source(told: Told) -> str:
    kept = told.kept
    links = " and ".join(f"[{name}]({name}/)" for name in kept.folders)
    return links + ("" if not kept.selection.missing else f", {len(kept.runs):,} of {kept.num_planned:,} runs")


def _seeds(told: Told) -> str:
    counts = [count for part in told.parts if part.estimate for count in part.estimate.num_seeds]
    return "" if not counts else f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def _scale(told: Told) -> str:
    return f"{told.finding.scale or 'first light'}, {_preset(told)}"


def _preset(told: Told) -> str:
    """Whose numbers the runs have; where rows of many runs in one file do not say so, their page does."""
    selection = told.kept.selection
    presets = {selection.preset} if selection.scale else {run.columns.get("preset") for run in selection.runs}
    return ", ".join(
        sorted(str(preset or "paper" if selection.scale else preset or "as its page says") for preset in presets)
    )


def _commands(ask: Ask) -> str:
    return " and ".join(f"`sparserl study run {name} --scale {ask.scales[0]}`" for name in ask.studies)


def _named(ask: Ask) -> str:
    return " with ".join(f"`{name}`" for name in ask.studies)


def _in_brackets(ask: Ask, hours: Hours) -> str:
    """What it takes at each scale; several studies may share runs, which then count twice."""
    known = {scale: [hours.get((Path(name).stem, scale)) for name in ask.studies] for scale in ask.scales}
    whole = {
        scale: sum(each for each in every if each is not None) for scale, every in known.items() if None not in every
    }
    at_most = "at most " if len(ask.studies) > 1 else ""
    told = ", ".join(f"{at_most}{three_digits(core_hours)} at `{scale}`" for scale, core_hours in whole.items())
    return f" ({told}, in core-hours)" if told else ""


def _runs(kept: Sequence[Kept]) -> str:
    lines = ["| folder | study | scale, preset | runs |", "|---|---|---|---|"]
    for each in kept:
        selection, [folder] = each.selection, each.folders
        scale = f"{selection.scale}, {selection.preset or 'paper'}" if selection.scale else "rows alone"
        count = f"{len(each.runs):,}" + (f" of {each.num_planned:,}" if selection.missing else "")
        lines.append(f"| [{folder}]({folder}/) | {selection.question or 'no study'} | {scale} | {count} |")
    told = (
        "## The runs\n\n`scripts/pack-study DIR STUDY` keeps a finished or partial study here, without checkpoints; "
        "`sparserl report reproduction/NAME/results` draws its figures and page.\n\n"
    )
    return told + "\n".join(lines)
