"""The paper's claims: worlds in which each holds, does not hold and cannot be told; numbers derived anew."""

import random

import claim_worlds as worlds
import numpy as np
import pytest
import scipy.stats
from claim_worlds import FAILS, HOLDS, LACKS, cell, full, matching

from report import synthetic
from sparserl.report.claims import CLAIMS, answers, cautions, claims, every_finding, findings
from sparserl.report.statistics import Estimate, interquartile_mean

WORLDS = {  # by what it is called in the code of the claim
    "equal_parameters": (1, "At equal parameter counts"),
    "without_loss": (2, "Networks of up to 80"),
    "beyond": (2, "Above 90 %"),
    "alike": (3, "RigL and SET are about equal"),
    "ahead": (3, "At very high sparsity"),
    "environments": (4, "SET and RigL do especially well"),
    "networks": (5, "A dense ResNet"),
    "shares": (6, "Critics with 10 to 20 %"),
    "distributions": (7, "ERK is better"),
    "costs": (7, "ERK about doubles"),
    "decay": (8, "A small weight decay"),
    "initialization": (8, "Sparsity-aware initialization"),
    "signal_to_noise": (9, "The signal-to-noise ratio"),
    "drop_fraction": (10, "Drop fractions above 0"),
    "interval": (10, "Returns are not sensitive"),
    "batch_size": (10, "Smaller batches hurt"),
    "noise": (11, "With 10 % of the parameters"),
    "stability": (12, "Results of PPO"),
}


def found(name, kind, scale="quick"):
    """The findings about a claim in its world, and those that are shown."""
    selection = synthetic.selection(getattr(worlds, name)(kind), scale=scale)
    diagnostics = worlds.ratios(kind, selection) if name == "signal_to_noise" else {}
    noise = worlds.noisy(kind, selection) if name == "noise" else {}
    number, text = WORLDS[name]
    of_it = lambda each: each.number == number and each.claim.startswith(text)
    every = [each for each in every_finding(selection, diagnostics, noise) if of_it(each)]
    assert [each for each in claims(selection, diagnostics, noise) if of_it(each)] == [
        each for each in every if any(part.estimate or part.detail for part in each.parts)
    ]
    return every


def test_every_claim_of_the_paper_is_asked():
    assert sorted({claim.number for claim in CLAIMS}) == list(range(1, 13))
    assert len(WORLDS) == len(CLAIMS)


@pytest.mark.parametrize("kind", [HOLDS, FAILS, LACKS])
@pytest.mark.parametrize("name", WORLDS)
def test_a_claim_holds_does_not_hold_or_lacks_runs(name, kind):
    findings = found(name, kind)
    assert {each.verdict for each in findings} == {kind}, [part.words for each in findings for part in each.parts]
    for each in findings:
        assert each.scale == "quick"
        assert each.needs
        assert all(part.rule and part.statement for part in each.parts)
        assert bool(each.missing) == (kind == LACKS) or kind != LACKS or each.warning


def test_numbers_of_a_probability_are_scipys_statistic_of_mann_and_whitney():
    """Two environments, of which each counts alike."""
    (finding,) = found("equal_parameters", HOLDS)
    of = lambda method, environment: [
        run.final_return
        for run in worlds.equal_parameters(HOLDS)
        if run.columns["environment"] == environment
        and (run.columns["method"], run.columns["live_parameters"]) == (method, 100)
    ]
    for part, method in zip(finding.parts, ("prune", "set", "rigl"), strict=False):
        chances = []
        for environment in ("CartPole-v1", "Catch-v0"):
            ours, theirs = of(method, environment), of("dense", environment)
            chances.append(scipy.stats.mannwhitneyu(ours, theirs).statistic / (len(ours) * len(theirs)))
        assert part.estimate.value == pytest.approx(np.mean(chances))
        assert part.estimate.num_seeds == (10, 10)
        assert part.estimate.num_tasks == 2


def test_numbers_of_a_share_kept_are_ratios_of_interquartile_means():
    (finding,) = found("without_loss", FAILS)
    runs = worlds.without_loss(FAILS)
    value = lambda **wanted: interquartile_mean(
        [run.final_return / 500 for run in runs if all(run.columns[name] == each for name, each in wanted.items())]
    )
    dense = value(method="dense")
    wanted = [value(method=method, sparsity=sparsity) / dense for method in ("set", "rigl") for sparsity in (0.8, 0.9)]
    assert [part.estimate.value for part in finding.parts] == pytest.approx(wanted)


def test_numbers_of_costs_and_sizes_are_those_of_the_columns():
    (finding,) = found("costs", HOLDS)
    assert finding.parts[0].detail == "1.80 times, 1.80 to 1.80 over 2 cells"
    (finding,) = found("networks", HOLDS)
    assert finding.parts[0].estimate.value == pytest.approx(3)
    assert finding.parts[1].detail == "1,000 and 1,000"


def test_the_spread_of_ppo_is_numpys_coefficient_of_variation():
    (finding,) = found("stability", HOLDS)
    runs = worlds.stability(HOLDS)
    returns = lambda agent: [run.final_return for run in runs if run.columns["agent"] == agent]
    spread = lambda agent: np.std(returns(agent), ddof=1) / np.mean(returns(agent))
    assert finding.parts[0].estimate.value == pytest.approx(spread("ppo") - spread("sac"))


def test_three_seeds_above_three_others_decide_nothing_and_four_may():
    for num_seeds, verdict in ((2, LACKS), (3, LACKS), (4, HOLDS)):
        runs = cell("rigl", 120, 0.99, num_seeds) + cell("set", 100, 0.99, num_seeds)
        (finding,) = [each for each in claims(synthetic.selection(runs)) if each.claim.startswith("At very high")]
        assert finding.verdict == verdict, finding.parts
        assert f"{num_seeds} seeds" in finding.warning


@pytest.mark.parametrize(("num_seeds", "verdict"), [(8, LACKS), (9, FAILS)])
def test_a_difference_that_is_not_seen_fails_with_as_many_seeds_as_the_paper_has(num_seeds, verdict):
    runs = cell("rigl", 100.2, 0.99, num_seeds) + cell("set", 100, 0.99, num_seeds)
    (finding,) = [each for each in claims(synthetic.selection(runs)) if each.claim.startswith("At very high")]
    low, high = finding.parts[0].estimate.ends
    assert low < 0.5 < high
    assert finding.verdict == verdict
    runs = cell("rigl", 90, 0.99, num_seeds) + cell("set", 100, 0.99, num_seeds)
    (finding,) = [each for each in claims(synthetic.selection(runs)) if each.claim.startswith("At very high")]
    assert finding.verdict == FAILS


@pytest.mark.parametrize(
    ("verdict", "estimate"),
    [
        (HOLDS, (0.97, 0.93, 1.01)),  # about as good, as far as ten seeds tell
        (HOLDS, (0.97, 0.96, 0.98)),  # a loss that is seen, and small
        (LACKS, (0.7, 0.3, 1.1)),  # no loss is certain, but so many seeds would not show a large one
        (FAILS, (0.8, 0.7, 0.9)),
    ],
)
def test_what_cannot_be_told_from_no_difference_and_may_be_large_decides_nothing(verdict, estimate):
    found = Estimate(*estimate, "an interval", (10, 10), 1)
    assert findings.kept(found) == findings.about(found, 1.0, 0.05) == verdict
    excess = Estimate(*(1 - each for each in (estimate[0], estimate[2], estimate[1])), "an interval", (10, 10), 1)
    assert findings.not_above(excess, 0.0, 0.05) == (FAILS if estimate[2] < 1 else verdict)
    few = found._replace(num_seeds=(5, 5))
    assert findings.kept(few) == (LACKS if verdict == HOLDS and estimate[1] < 0.95 else verdict)


def test_a_rough_value_is_refuted_by_an_interval_beyond_its_margin_alone():
    verdict = lambda *numbers, seeds=5: findings.roughly(Estimate(*numbers, "an interval", (seeds, seeds), 1), 3.0, 1.0)
    assert verdict(1.7, 0.9, 2.9) == verdict(4.2, 3.1, 5.3) == LACKS  # about 3 may be 2.5 or 3.5
    assert verdict(1.4, 0.9, 1.9) == verdict(5.0, 4.1, 5.9) == FAILS
    assert verdict(2.5, 2.1, 2.9) == HOLDS
    assert verdict(2.5, 0.9, 4.1) == LACKS
    assert verdict(2.5, 0.9, 4.1, seeds=10) == HOLDS


def test_figure_7_is_exact_and_needs_no_run():
    """The reference, section 10.4, nine actions: ERK over uniform at 50, 80, 90, 95 and 99 %."""
    pytest.importorskip("ale_py")
    selection = synthetic.catalogue_selection("figure_7")
    assert not selection.runs
    told = {each.where: each.parts[0].detail for each in claims(selection) if each.verdict == HOLDS}
    ratios = {"CNN": (1.55, 1.77, 1.76, 1.74, 1.69), "ResNet": (1.80, 2.39, 2.57, 2.77, 2.68)}
    for name, values in ratios.items():
        mean, _, span = told[f"DQN with a {name}"].partition(" times, ")
        assert float(mean) == pytest.approx(np.mean(values), abs=0.006)
        assert span == f"{min(values):.2f} to {max(values):.2f} over 5 cells"
    assert len(answers(selection)) == 2


def test_where_there_are_no_runs_of_a_claim_it_is_not_shown():
    shown = {each.number for each in claims(synthetic.selection(cell("rigl", 100) + full(100)))}
    assert shown == {2}
    assert claims(synthetic.selection([])) == ()


def test_what_is_missing_is_named():
    (finding,) = found("alike", LACKS)
    assert finding.missing == ("runs of RigL from 50 to 95 %",)
    (finding,) = found("without_loss", LACKS)
    assert "runs of dense networks of full size" not in finding.missing  # there are some, of another environment
    assert any("none to compare with" in each for each in finding.missing)


def test_diverged_runs_are_counted_and_said():
    runs = cell("rigl", 120) + cell("set", 100)
    runs[3] = synthetic.run("rigl", 0.9, 0.0, 3, status="diverged")
    (finding,) = [each for each in claims(synthetic.selection(runs)) if each.claim.startswith("RigL and SET")]
    assert finding.parts[0].estimate.num_diverged == 1
    assert finding.parts[0].estimate.num_seeds == (9, 10)
    assert "1 diverged (left out)" in finding.parts[0].words


def test_experiments_that_differ_in_more_are_never_pooled():
    """RigL with two batch sizes beside SET with one of them: none of RigL's is what SET is set against in claim 3."""
    runs = cell("rigl", 120, **{"agent.batch_size": 32}) + cell("rigl", 60, **{"agent.batch_size": 256})
    runs += cell("set", 100, **{"agent.batch_size": 256})
    assert 3 not in {each.number for each in claims(synthetic.selection(runs))}
    found_answers = answers(synthetic.selection(runs + full(100, **{"agent.batch_size": 256})))
    assert any("best of 2 with batch size 32" in each for each in found_answers)


def test_answers_say_what_is_kept_with_interval_and_seeds():
    runs = cell("rigl", 97) + full(100) + matching(80)
    sentences = answers(synthetic.selection(runs))
    kept = interquartile_mean([run.final_return for run in runs[:10]]) / interquartile_mean(
        [run.final_return for run in runs[10:20]]
    )
    assert sentences[0].startswith(f"RigL keeps {kept:.3f} (0.9"[:17])
    assert sentences[0].endswith(" of dense at 90 %; 10 seeds.")
    better = [
        each for each in sentences if each.startswith("RigL at 90 % is better than dense with as many parameters")
    ]
    assert "with probability 1.00 (" in better[0]


def test_answers_tell_what_diagnostics_and_noise_were_measured():
    selection = synthetic.selection(worlds.signal_to_noise(HOLDS), figures=({"y": "signal_to_noise"},))
    rows = worlds.ratios(HOLDS, selection)
    sentences = answers(selection, rows)
    assert answers(selection._replace(figures=()), rows)[-1] in sentences[:-1], "asked for returns, these come first"
    dense = [run for run in selection.runs if run.columns["method"] == "dense"]
    mean = np.mean([row["signal_to_noise"] for run in dense for row in rows[str(run.id)] if row["network"] == "actor"])
    assert f"Dense, 100 %: the gradients of actor have a signal-to-noise ratio of {mean:.4f} (" in sentences[0]
    selection = synthetic.selection(worlds.noise(HOLDS))
    told = [each for each in answers(selection, None, worlds.noisy(HOLDS, selection)) if "of the noise" in each]
    assert len(told) == 5  # of full size, and SET and RigL at two sparsities
    assert told[-1].startswith("RigL at 90 % keeps 0.82")


def test_answers_come_with_a_caution_where_seeds_are_few():
    few = synthetic.selection(cell("rigl", 97, num_seeds=3) + full(100, num_seeds=3))
    assert cautions(few) == ("3 seeds: intervals of fewer than 5 hold for returns that are about normal.",)
    assert cautions(synthetic.selection(cell("rigl", 97) + full(100))) == ()
    assert answers(synthetic.selection([])) == cautions(synthetic.selection([])) == ()


def test_ratios_are_asked_of_rigl_and_of_dense_networks_whatever_else_was_measured():
    """Other methods of the same sparsity once left nothing to compare, and a task was named by its identifier."""
    runs = worlds.signal_to_noise(HOLDS)
    more = [run for run in runs if run.columns["method"] == "rigl"]
    more = [synthetic.run("set", run.columns["sparsity"], 100.0, run.id.seed, agent="sac") for run in more]
    selection = synthetic.selection([*runs, *{run.id: run for run in more}.values()])
    rows = worlds.ratios(HOLDS, selection)
    (finding,) = [each for each in claims(selection, rows) if each.number == 9]
    assert finding.verdict == HOLDS
    assert finding.parts[0].detail.endswith(" on CartPole-v1")


@pytest.mark.parametrize(
    ("best", "rest", "num_seeds", "verdict"),
    [  # mean returns of what is claimed to be best, and of the others; runs lie 10 around each
        (105, 100, 3, LACKS),
        (95, 100, 3, LACKS),
        (95, 100, 8, LACKS),
        (200, 100, 3, HOLDS),
        (50, 100, 3, FAILS),
        (101, 100, 10, HOLDS),  # by the mean, of as many seeds as the paper has
        (99, 100, 10, FAILS),
        (200, 100, 2, LACKS),
    ],
)
def test_the_best_of_several_is_told_by_intervals_and_not_by_means_of_few_seeds(best, rest, num_seeds, verdict):
    def runs(mean, others, **columns):
        returns = [mean + 10 * (-1) ** seed + seed / 10 for seed in range(num_seeds)]
        return synthetic.seeds(returns, columns.pop("method"), 0.8, **others, **columns)

    fractions = [
        run
        for fraction in (0.0, 0.1, 0.3, 0.5)
        for run in runs(best if fraction == 0.3 else rest, {"method.drop_fraction": fraction}, method="set")
    ]
    shares = [
        run
        for environment in ("Hopper-v5", "Ant-v5")
        for share in (0.1, 0.3, 0.9)
        for run in runs(
            best if share == 0.3 else rest,
            {"agent": "sac", "environment": environment, "budget": 0.2, "actor_share": share},
            method="rigl",
        )
    ]
    for own, statement in ((fractions, "SET is best with a drop"), (shares, "the default split is best")):
        found = every_finding(synthetic.selection(own))
        [part] = [part for each in found for part in each.parts if part.statement.startswith(statement)]
        assert part.verdict == verdict, part.words


def test_drop_fractions_of_a_sweep_are_not_pooled():
    """One seed of each of eight experiments with a fraction are not eight seeds."""
    runs = []
    for fraction in (0.0, 0.1, 0.3):
        for decay in (0.0, 1e-6, 1e-4, 1e-3):
            columns = {"method.drop_fraction": fraction, "weight_decay": decay}
            runs += cell("set", 100 + 10 * fraction, num_seeds=1, **columns)
    (finding,) = [each for each in claims(synthetic.selection(runs)) if each.claim.startswith("Drop fractions")]
    assert finding.verdict == LACKS


CHOICES = {
    "live_parameters": (100, None, 1_000),
    "distribution": (None, "uniform", "erk", "mine"),
    "budget": (0.1, 1.0),
    "actor_share": (0.1, 0.3, 0.9, None),
    "weight_decay": (0.0, 1e-4, 1e-3),
    "method.drop_fraction": (0.0, 0.1, 0.3, 0.5),
    "method.window.interval_updates": (100, 1_000),
    "agent.batch_size": (32, 64),
    "sparsity_aware_initialization": (True, False),
    "network_kind": (None, "cnn", "resnet", "mine"),
    "live_macs": (None, 0, 7),
    "total_steps": (400, 1_000),
    "results_version": (None, 4),
}
PLACES = ("Humanoid-v5", "Hopper-v5", "atari:Qbert", "atari:MsPacman", "Acrobot-v1", "MinAtar/Breakout-v1", "x <b>")


@pytest.mark.parametrize("number", range(20))
def test_any_runs_have_findings_and_answers(number):
    """Whatever is not known, has diverged, is alone or lies below 0; a warning of NumPy is an error here."""
    chance = random.Random(number)
    runs = []
    for _ in range(chance.randint(1, 14)):
        columns = {name: chance.choice(values) for name, values in CHOICES.items() if chance.random() < 0.2}
        columns |= {"agent": chance.choice(["sac", "ppo", "dqn"]), "environment": chance.choice(PLACES)}
        method = chance.choice(["dense", "rigl", "set", "prune", "static", "mine"])
        sparsity, count = chance.choice([0.5, 0.8, 0.9, 0.95, 0.99]), chance.choice([1, 2, 3, 5])
        for seed in range(count):
            value = chance.choice([0.0, 0.0, -5.0, 100.0, chance.gauss(0, 1)])
            status = chance.choice(["finished"] * 5 + ["diverged", "running"])
            runs.append(synthetic.run(method, sparsity, value, seed, status=status, **columns))
    selection = synthetic.selection({run.id: run for run in runs}.values())
    noise = {str(run.id): {0.0: 1.0, 5.0: 0.5, 30.0: 0.2} for run in selection.runs}
    found = every_finding(selection, {}, noise)
    assert {each.number for each in found} >= {1, 3, 4, 7, 8, 9, 10}
    assert all(each.verdict in (HOLDS, FAILS, LACKS) and part.words for each in found for part in each.parts)
    assert all(isinstance(each, str) for each in answers(selection, {}, noise))


STUDIES = ["figure_1_atari", "figure_3", "figure_5_sac", "figure_8", "figure_13_batch_size", "table_1", "table_5"]


@pytest.mark.parametrize("name", STUDIES)
def test_studies_of_the_catalogue_have_answers_and_no_verdict_from_two_seeds(name):
    selection = synthetic.catalogue_selection(name)
    assert answers(selection)
    for finding in claims(selection):
        exact = finding.claim.startswith("ERK about doubles")
        assert finding.verdict == (HOLDS if exact else LACKS), finding
        assert finding.scale == "smoke"


def rigl_and_set(wins, num_seeds=10):
    """RigL above SET in so many of the pairs of seeds, by environment: as of one run each, moved past the others."""
    runs = []
    for environment, share in wins.items():
        of = {"environment": environment, "spread": 0.0, "num_seeds": num_seeds}
        above = round(share * num_seeds)
        runs += synthetic.seeds([110.0] * above + [90.0] * (num_seeds - above), "rigl", 0.9, environment=environment)
        runs += cell("set", 100, 0.9, **of)
    return runs


@pytest.mark.parametrize(
    ("wins", "apart"),
    [
        ({"CartPole-v1": 0.5, "Catch-v0": 0.5, "Acrobot-v1": 0.5}, ()),
        ({"CartPole-v1": 0.6, "Catch-v0": 0.5, "Acrobot-v1": 0.4}, ()),  # as chance would have it
        ({"CartPole-v1": 0.0, "Catch-v0": 0.5, "Acrobot-v1": 1.0}, ("CartPole-v1", "Acrobot-v1")),
        ({"CartPole-v1": 0.5, "Catch-v0": 0.5, "Acrobot-v1": 0.1}, ("Acrobot-v1",)),
    ],
)
def test_what_is_equal_on_average_is_not_equal_where_an_environment_stands_apart(wins, apart):
    (finding,) = [
        each
        for each in claims(synthetic.selection(rigl_and_set(wins)))
        if each.claim == "RigL and SET are about equal from 50 to 95 % sparsity"
    ]
    (part,) = finding.parts
    low, high = part.estimate.ends
    assert low < 0.5 < high
    assert part.estimate.value == pytest.approx(np.mean([*wins.values()]))
    assert part.verdict == (FAILS if apart else HOLDS)
    assert [name for name in wins if f"{name} stands apart" in part.detail] == [*apart]


@pytest.mark.parametrize(
    ("last", "num_seeds", "verdict"),
    [
        (1.0, 5, HOLDS),
        (0.4, 5, LACKS),  # behind, but its interval reaches 1/2: another five seeds might tell otherwise
        (0.0, 5, FAILS),  # behind for sure, so that more than two of three are out of reach
        (0.4, 10, FAILS),  # as many seeds as the paper has
        (0.0, 2, LACKS),
    ],
)
def test_an_environment_counts_against_almost_all_of_them_once_seeds_tell(last, num_seeds, verdict):
    runs = []
    for environment, share in {"CartPole-v1": 1.0, "Catch-v0": 1.0, "Acrobot-v1": last}.items():
        above = round(share * num_seeds)
        returns = [110.0] * above + [90.0] * (num_seeds - above)
        runs += synthetic.seeds(returns, "prune", 0.9, environment=environment)
        of = {"environment": environment, "spread": 0.0, "num_seeds": num_seeds}
        runs += worlds.matching(100, **of) + worlds.full(120, **of)
    (finding,) = [each for each in claims(synthetic.selection(runs)) if each.number == 1]
    (part,) = [each for each in finding.parts if each.estimate is not None]
    assert part.verdict == verdict, part.words
    below = ", told to be below in Acrobot-v1" if (last, num_seeds) == (0.0, 5) else ""
    assert part.detail == f"3 cells, above 1/2 in {2 + (last > 0.5)} of 3 environments{below}"


def test_the_more_environments_the_surer_one_must_be_to_stand_apart():
    """One of twenty 95 % intervals leaves out the truth: of nine environments a chance of 0.2 tells nothing yet."""
    alone = {"Acrobot-v1": 0.2}
    among = alone | {f"{name}-v1": 0.5 for name in ("CartPole", "A", "B", "C", "D", "E", "F", "G")}
    details = []
    for wins in (alone, among):
        (finding,) = [each for each in claims(synthetic.selection(rigl_and_set(wins))) if each.number == 3]
        details.append(finding.parts[0].detail)
    assert "Acrobot-v1 stands apart" in details[0]
    assert "stands apart" not in details[1]


def test_too_few_seeds_let_no_environment_stand_apart():
    (finding,) = [
        each
        for each in claims(synthetic.selection(rigl_and_set({"CartPole-v1": 1.0, "Catch-v0": 0.0}, num_seeds=3)))
        if each.number == 3
    ]
    assert finding.verdict == LACKS
    assert "stands apart" not in finding.parts[0].detail
