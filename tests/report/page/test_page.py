"""Pages as text: the same results give the same bytes, nothing of a machine gets in, and their size has a limit."""

import html
import json
import re
import shlex
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy import stats

from report import synthetic
from report.page import pages
from sparserl import persistence
from sparserl.cli.experiments import read_command
from sparserl.cli.train import TrainOptions
from sparserl.experiment import canonical, from_preset, planned
from sparserl.persistence import UserError
from sparserl.report.page import Page, Part, curves, details, experiments, to_html, topologies, write_page
from sparserl.report.page.commands import study_command, train_command
from sparserl.report.page.policy import content_security_policy
from sparserl.report.page.text import as_json, number, printable
from sparserl.study.catalogue import catalogue_names


def test_the_same_results_give_the_same_bytes_wherever_they_lie(tmp_path):
    made = []
    for name in ("a", "b"):
        stored = pages.stored_run(tmp_path / name, log="broke\n", message="broke")
        written = write_page(pages.page([*pages.runs(), stored]), tmp_path / name / "index.html")
        made.append(written.read_bytes())
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in made[0]


def test_it_holds_what_a_reader_needs(tmp_path):
    stored = pages.stored_run(tmp_path, log="".join(f"line {n}\n" for n in range(99)), message="it broke")
    text = html.unescape(to_html(pages.page([*pages.runs(), stored], problems=("seed=3 is damaged",))))
    for words in (
        "Do sparse networks learn as well?",
        "RigL keeps 0.97 (0.91 to 1.02) of dense at 90 %; 10 seeds",
        "does not hold",
        "RigL reaches 100 and dense networks 120.",
        "2 runs are missing.",
        "seed=3 is damaged",
        pages.INTERVALS[0],
        "line 98",
        "line 79",
        "it broke",
        "sparserl study run figure_8 --scale quick",
        "sparserl train dqn rigl --environment CartPole-v1",
        "optimizer.learning_rate",
        "EPYC",
        "results version 5",
        "observation 3",
    ):
        assert words in text, words
    assert "line 78" not in text


def test_an_empty_page_says_so():
    text = to_html(Page("nothing", (Part("nothing", synthetic.selection([])),)))
    assert "There are no runs." in text
    assert "every file was whole" in text
    assert 'id="problems"' not in text
    assert 'href="#problems"' not in text


def test_many_answers_are_folded_and_cautions_are_not():
    def shown(count):
        part = pages.page().parts[0]._replace(answers=tuple(f"answer {i}." for i in range(count)), cautions=("Few.",))
        text = to_html(Page("x", (part,)))
        assert [int(each) for each in re.findall(r"answer (\d+)\.", text)] == list(range(count))
        text = re.sub(r"<details class=\"more\">.*?</details>", "", text, flags=re.DOTALL)
        assert "<bdi>Few.</bdi>" in text
        return re.findall(r"answer (\d+)\.", text)

    assert len(shown(10)) == 10
    assert shown(20) == [*map(str, range(8))]


def test_tables_and_sections_have_dense_networks_first_and_methods_in_the_order_of_figures():
    made = [run for method in ("rigl", "static", "set", "prune") for run in synthetic.seeds([1.0, 2.0], method)]
    made += [*synthetic.seeds([3.0, 4.0], "dense", live_parameters=100), *synthetic.seeds([3.0, 4.0], "dense")]
    text = to_html(pages.page(made))
    wanted = ["Dense, 100 %", "Dense, as many parameters as 90 %"]
    wanted += [f"{method}, 90 %" for method in ("Pruning", "Static", "SET", "RigL")]
    experiments_table, rest = text.split('id="runs"')
    runs_table, details = rest.split('id="details"')
    names = "|".join(wanted)
    assert re.findall(f">({names})<", experiments_table.split('id="experiments"')[1]) == wanted
    assert re.findall(f">({names}), seed", runs_table) == [name for name in wanted for _ in range(2)]
    assert re.findall(f"<h3>.*<bdi>({names})</bdi></h3>", details) == wanted


def test_several_studies_are_parts_with_identifiers_of_their_own():
    part = pages.page().parts[0]
    text = to_html(Page("all", (part, part._replace(title="another"))))
    identifiers = re.findall(r' id="([^"]*)"', text)
    assert len(identifiers) == len(set(identifiers))
    anchors = {html.unescape(each) for each in re.findall(r'href="#([^"]*)"', text)}
    assert anchors <= set(map(html.unescape, identifiers))
    assert {"part-1", "part-2", "figure-2-1"} <= anchors | set(identifiers)


def test_many_runs_have_no_section_each_and_failures_come_first():
    made = [synthetic.run("rigl", 0.9, 1.0, seed, evaluations=2) for seed in range(experiments.MOST_IN_DETAIL + 40)]
    made.append(synthetic.run("set", 0.9, 1.0, 999, evaluations=2, status="failed"))
    text = to_html(pages.page(made))
    assert f"300 of {len(made)} runs have a section here. A page has a section for each of at most 300 runs" in text
    assert text.count('<details class="run"') == experiments.MOST_IN_DETAIL
    assert len(re.findall(r'<a href="#run-\d+-999-', text)) == 1
    assert text.count('<th scope="row">') >= len(made)
    shown = experiments.in_detail(made, 3)
    assert sorted(run.seed for run in shown) == [0, 1, 999]


def test_experiments_count_their_seeds_and_say_what_diverged():
    made = synthetic.seeds([1.0, 2.0, 3.0, 4.0])
    made.append(synthetic.run(seed=4, status="diverged"))
    [row] = experiments.rows(synthetic.selection(made))
    assert (row.num_finished, row.num_diverged, row.num_runs, row.final) == (4, 1, 5, 2.5)
    margin = stats.t.ppf(0.975, 3) * np.std([1, 2, 3, 4], ddof=1) / 2
    assert row.interval == pytest.approx((2.5 - margin, 2.5 + margin))
    assert "4 of 5, 1 diverged" in to_html(pages.page(made))
    [few] = experiments.rows(synthetic.selection(made[:2]))
    assert few.interval is None


def test_curves_are_means_of_the_seeds_that_are_there():
    run = lambda seed, returns: synthetic.run(seed=seed, returns=returns, steps=100 * (len(returns) - 1))
    made = {"x": [run(0, [0.0, 2.0, 4.0]), run(1, [2.0, 4.0, np.nan]), run(2, [4.0, 9.0])]}
    [panel] = curves.panels(made, {"x": "RigL"})
    [line] = panel.lines
    assert (line.steps, line.returns) == ([0, 100, 200], [2.0, 5.0, None])
    assert curves.panels(made, {"x": "RigL"}, room=0)[0].left_out == 1
    long = curves.panels({"x": [run(0, np.arange(1_000.0))]}, {"x": "RigL"})[0].lines[0]
    assert (len(long.steps), long.steps[0], long.steps[-1]) == (curves.MOST_POINTS, 0, 99_900)


def test_what_is_missing_is_named():
    selection = synthetic.selection(pages.runs())._replace(missing=tuple(run.id for run in pages.runs()) * 30)
    text = to_html(Page("x", (Part("x", selection),)))
    assert "270 of the study\u2019s 279 runs have no evaluation yet" in text
    assert "and 70 more" in text


@pytest.mark.parametrize(
    ("words", "preset", "choices"),
    [
        (("dqn", "rigl", "CartPole-v1"), "paper", {}),
        (("dqn", "dense", "Acrobot-v1"), "published-code", {}),
        (("sac", "prune", "HalfCheetah-v5"), "sb3", {"actor_sparsity": 0.5}),
        (("ppo", "static", "Pendulum-v1"), "paper", {"critic_hidden_units": (5, 6), "agent.reward_limit": None}),
        (("dqn", "set", "MinAtar/Breakout-v1"), "paper", {"agent.double": True, "network.width": 2.0}),
    ],
)
@pytest.mark.parametrize("told", ["paper", None])
def test_commands_make_the_same_experiment(words, preset, choices, told):
    """Whatever preset they start from: every choice is spelled out."""
    experiment = planned(canonical(from_preset(*words, preset=preset, sparsity=0.9, **choices)))
    command = train_command(experiment.choices(), told, 7, diagnostics=True)
    typed = shlex.split(command.replace("\\\n", ""))
    assert typed[:4] == ["sparserl", "train", *words[:2]]
    read = read_command("train", typed[2:], TrainOptions(), "", lambda plan: None)
    assert planned(canonical(read.plan.experiment)).identifier == experiment.identifier
    assert (read.own.seed, read.own.diagnostics) == (7, True)


def test_commands_are_quoted_for_the_shell():
    hostile = "'; rm -rf ~; $(reboot) `x` \\ \n"
    choices = {"agent": {"name": hostile}, "method": {"name": "a b"}, "network": {"name": "mlp"}, "environment": "--x"}
    typed = shlex.split(train_command(choices, hostile, 0).replace("\\\n    ", ""))
    assert typed[:5] == ["sparserl", "train", hostile, "a b", "--environment=--x"]
    assert typed[typed.index("--preset") + 1] == hostile
    assert shlex.split(study_command("my study", "quick", None)) == [
        *("sparserl", "study", "run", "my study.py"),
        *("--scale", "quick"),
    ]


@pytest.mark.parametrize("name", catalogue_names())
def test_studies_of_the_catalogue_are_run_by_name(name):
    assert study_command(name, "quick", "sb3") == f"sparserl study run {name} --scale quick --preset sb3"


@pytest.mark.parametrize("compressed", [True, False])
def test_the_last_topology_is_known_of_a_run_without_diagnostics(compressed, tmp_path):
    mask = np.random.default_rng(0).random((5, 3)) < 0.4
    kernel = "q/params/q/output/kernel"
    starts = lambda counts: np.append(0, np.cumsum(counts)).astype(np.int32)
    arrays = {"q/params/q/conv_1/kernel": np.ones((3, 3, 2, 4), np.float32)}
    if compressed:
        arrays[f"{kernel}/values"] = np.ones(mask.sum(), np.float32)
        arrays[f"{kernel}/layout/input_starts"] = starts(mask.sum(1))
        arrays[f"{kernel}/layout/output_starts"] = starts(mask.sum(0))
    else:
        arrays |= {kernel: mask.astype(np.float32), "q/optimizer_state/masks/q/output": mask}
    persistence.write_bundle(tmp_path / "checkpoint", arrays, {})
    shown = topologies.read(tmp_path, 300)
    assert shown.steps == [300]
    found = {(side.layer, side.side): (side.weights_per_unit, side.live[0].tolist()) for side in shown.sides}
    assert found == {
        ("conv_1", "input"): (36, [36] * 2),
        ("conv_1", "output"): (18, [18] * 4),
        ("output", "input"): (3, mask.sum(1).tolist()),
        ("output", "output"): (5, mask.sum(0).tolist()),
    }


def test_topologies_are_thinned_and_share_a_page(tmp_path):
    run = pages.stored_run(tmp_path, steps=tuple(range(0, 10_000, 100)))
    shown = topologies.read(run.folder, 9_900)
    assert len(shown.steps) == topologies.MOST_MOMENTS
    assert (shown.steps[0], shown.steps[-1]) == (0, 9_900)
    assert shown.sides[0].live.tolist() == [pages.live_weights(step, 4) for step in shown.steps]
    section, _ = details.read("x", [run], details.Room(counts=10))
    assert section.runs[0].topologies is None
    assert section.runs[0].notes == ["Topologies: not shown, because they are too large for what is left of the page."]


def test_what_is_damaged_is_told_where_it_belongs(tmp_path):
    run = pages.stored_run(tmp_path)
    for path in (run.folder / "topology.parquet", run.folder.parent / "experiment.json"):
        path.write_bytes(path.read_bytes()[:-9])
    text = to_html(pages.page([run]))
    assert "topology.parquet is damaged" in text
    assert "experiment.json" in text


def test_videos_are_inside_unless_they_are_large(tmp_path):
    run = pages.stored_run(tmp_path)
    (run.folder / "video.gif").write_bytes(b"GIF89a")
    (run.folder / "video.mp4").write_bytes(bytes(4_000_000))
    text = to_html(pages.page([run]))
    assert 'src="data:image/gif;base64,R0lGODlh"' in text
    assert "video.mp4 (4,000,000 bytes) is too large for the page" in text


def test_cards_of_exports_are_shown_and_damaged_ones_told(tmp_path):
    run = pages.stored_run(tmp_path)
    way = {"name": "C, <b>vector</b>", "kind": "exported", "instructions": 1234.4}
    way |= {"memory": {"flash_bytes": 5678, "ram_bytes": 90}, "latency": {"p50_seconds": 1.25e-6, "p99_seconds": 2e-6}}
    counts = {"weights": 9000, "live_weights": 450, "multiply_accumulates": 450, "dense_multiply_accumulates": 9000}
    card = {
        "format": "c",
        "weights": "int8",
        "network": counts,
        "files": {"a.c": 1000, "a.h": 24},
        "verification": {"num_observations": 10_000, "largest_difference": 1.5e-6, "action_agreement": 1.0},
        "returns": {"written": {"mean": 12.5}},
        "ways": [way, {"name": "jax", "instructions": None, "memory": None, "latency": None}],
        "findings": ["C, vector loses"],
        "notes": ["valgrind is not installed"],
    }
    (run.folder / "card-c-int8.json").write_text(json.dumps(card))
    (run.folder / "card-onnx-float32.json").write_text("{}")
    text = to_html(pages.page([run]))
    for part in ("Exported as <bdi>c, int8</bdi>", "450 of 9,000", "1,234", "5,678", "1.25", "C, vector loses"):
        assert part in text
    assert "C, &lt;b&gt;vector&lt;/b&gt;" in text
    assert "The card card-onnx-float32.json cannot be shown" in text


class Tags(HTMLParser):
    """Which elements are open, and what closes without being so."""

    VOID = frozenset({"meta", "img", "br", "input", "hr", "link"})

    def __init__(self):
        super().__init__()
        self.open, self.wrong = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append((tag, self.getpos()))


def test_elements_are_closed_as_they_were_opened(tmp_path):
    tags = Tags()
    tags.feed(to_html(pages.page([*pages.runs(), pages.stored_run(tmp_path)])))
    assert (tags.open, tags.wrong) == ([], [])


def test_a_folder_that_cannot_be_written_is_told_of(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write"):
        write_page(pages.page(), tmp_path / "file" / "index.html")


def test_the_policy_names_what_is_inside():
    policy = content_security_policy(["alert(1)"], ["b{}"])
    assert "script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='" in policy  # by openssl dgst
    assert "default-src 'none'; img-src data:;" in policy
    assert "unsafe" not in policy


def test_text_and_numbers():
    assert printable("a\x1b[0m\x00\u202eb\ud800\n\U000e0001") == "a\\x1b[0m\\x00\\u202eb\\ud800\n\\U000e0001"
    assert printable("\x00" * 9, 10) == "\\x00\\x00\\x\u2026 (9 characters)"
    assert printable("x" * 9, 4) == "xxxx\u2026 (9 characters)"
    assert [number(each) for each in (None, float("nan"), 1234567, 0.97123, -12.345, 1e-12, 120.0)] == [
        *("\u2013", "nan", "1,234,567", "0.9712", "\u221212.35", "1.000e\u221212", "120")
    ]
    assert as_json({"a": "</script><!--&"}) == '{"a":"\\u003c/script\\u003e\\u003c!--\\u0026"}'
