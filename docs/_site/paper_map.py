"""The table of docs/paper-map.md: `python docs/_site/paper_map.py` writes it again from the catalogue of studies.

What a study asks and how many runs it has are the catalogue's own words, what has been run of it so far is what
`reproduction/` keeps. What is written here is which part of the paper has no study because nothing is trained for it.
"""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent.parent / "paper-map.md"
REPRODUCTION = PAGE.parent.parent / "reproduction"
WITHOUT_RUNS = {  # by part of the paper: what it shows, the command, and what there is to see
    "Table 4": (
        "What hyperparameters has DQN with a CNN on Atari?",
        "sparserl describe dqn rigl --environment atari:Pong --network cnn",
        "[presets](reference/lists.md#dqn-atari)",
    ),
    "Table 6": (
        "What hyperparameters has DQN?",
        "sparserl describe dqn rigl --environment CartPole-v1",
        "[presets](reference/lists.md#dqn-classic-control)",
    ),
    "Table 7": (
        "What architectures have DQN's CNN and ResNet?",
        "sparserl describe dqn rigl --environment atari:Pong --network resnet",
        "[presets](reference/lists.md#dqn-atari)",
    ),
    "Table 8": (
        "What hyperparameters have SAC and PPO?",
        "sparserl describe sac rigl --environment HalfCheetah-v5",
        "presets, `ppo` likewise: [SAC](reference/lists.md#sac-mujoco), [PPO](reference/lists.md#ppo-mujoco)",
    ),
}
HEAD = "| part | what it asks | command | runs: smoke, quick, paper | ours |\n|---|---|---|---|---|"


def rows(studies: list[dict[str, Any]]) -> list[str]:
    """A row for every figure and table, in the order of the paper."""
    found = {name: f"| {part(name)} | {_study(study)} |" for study in studies for name in [study["name"]]}
    for name, (question, command, ours) in WITHOUT_RUNS.items():
        found[name.lower().replace(" ", "_")] = f"| {name} | {question} | `{command}` | none | {ours} |"
    return [found[name] for name in sorted(found, key=_place)]


def part(name: str) -> str:
    """What the paper calls it: Figure 12, Atari."""
    kind, number, *rest = name.split("_")
    inside = " ".join(word.upper() if word in ("dqn", "sac", "ppo") else word for word in rest)
    return f"{kind.capitalize()} {number}" + (f", {inside.replace('atari', 'Atari')}" if inside else "")


def _study(study: dict[str, Any]) -> str:
    runs = ", ".join(f"{study['runs'][scale]:,}" for scale in ("smoke", "quick", "paper"))
    return f"{study['question']} | `sparserl study run {study['name']}` | {runs} | {ours(study['name'])}"


def ours(name: str) -> str:
    """What is kept of a study, with where, and of studies that are a part of it, with its figure."""
    every = {
        file: json.loads(file.read_text(encoding="utf-8"))
        for file in sorted(REPRODUCTION.glob("*/results/studies/*/study.json"))
    }
    whole = [_kept(file, study) for file, study in every.items() if study["name"] == name]
    partly = [
        f"a part: {_kept(file, study)}"
        for file, study in every.items()
        if study["name"] != name and any(figure["name"] == name for figure in study["figures"])
    ]
    return ", ".join([*whole, *partly]) or "not run"


def _kept(file: Path, study: dict[str, Any]) -> str:
    results = file.parents[2]
    names = {each["identifier"] for each in study["experiments"]}
    count = sum(status.parents[1].name in names for status in results.glob("*/seed=*/status.json"))
    planned = len(names) * study["num_seeds"]
    if not planned:
        return f"[exact, nothing is trained](../reproduction/{results.parent.name}/README.md)"
    told = f"{count:,} runs" if count == planned else f"{count:,} of {planned:,} runs"
    return f"[{told}, scale {study['scale']}](../reproduction/{results.parent.name}/README.md)"


def with_ours(page: str) -> str:
    """The page with what is kept of every study in its row; the catalogue is not asked."""
    cell = lambda row: f"{row[1]}| {ours(row[2])} |"
    return re.sub(r"^(\|.*`sparserl study run (\w+)` \|[^|]*)\|[^|]*\|$", cell, page, flags=re.MULTILINE)


def _place(name: str) -> tuple[str, int, str]:
    kind, number, *rest = name.split("_")
    return kind, int(number), " ".join(rest)


def catalogue() -> list[dict[str, Any]]:
    """The studies as `sparserl study list --json` has them."""
    from sparserl.cli import main

    box = io.StringIO()
    with contextlib.redirect_stdout(box):
        main(["study", "list", "--json"])
    studies: list[dict[str, Any]] = json.loads(box.getvalue())["studies"]
    return studies


def with_table(page: str, lines: list[str]) -> str:
    """The page with these rows in its table."""
    return re.sub(r"\| part \|.*?(?=\n\n|\Z)", lambda _: "\n".join([HEAD, *lines]), page, count=1, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), rows(catalogue())), encoding="utf-8")
