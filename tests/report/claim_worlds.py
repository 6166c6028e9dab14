"""Worlds in which a claim of the paper holds, does not hold, or cannot be told, made of runs of a few numbers."""

import numpy as np

from report import synthetic

HOLDS, FAILS, LACKS = "holds", "does not hold", "not enough runs"
SEEDS = 10


def cell(method, mean, sparsity=0.9, num_seeds=SEEDS, spread=2.0, **columns):
    """Runs of one experiment whose returns lie evenly around `mean`, in another order for every method."""
    order = np.random.default_rng(sum(map(ord, method))).permutation(num_seeds)
    values = mean + spread * np.linspace(-1, 1, num_seeds)[order]
    return synthetic.seeds(values.tolist(), method, sparsity, **columns)


def full(mean, **columns):
    """Dense networks of full size."""
    return cell("dense", mean, 0.0, **columns)


def matching(mean, sparsity=0.9, **columns):
    """Dense networks of as many parameters."""
    size = round(synthetic.FULL_PARAMETERS * (1 - sparsity))
    return cell("dense", mean, 0.0, live_parameters=size, **{"network.hidden_units": (3, 3), **columns})


def equal_parameters(kind):
    dense = 130 if kind == FAILS else 90
    runs = []
    for environment in ("CartPole-v1", "Catch-v0"):
        of = {"environment": environment}
        runs += cell("static", 80, **of) + cell("set", 110, **of) + cell("rigl", 110, **of) + matching(dense, **of)
        runs += full(125, **of) + (cell("prune", 120, **of) if kind != LACKS else [])
    return runs


def without_loss(kind):
    kept = 70 if kind == FAILS else 99.5
    sparse = [run for method in ("set", "rigl") for level in (0.8, 0.9) for run in cell(method, kept, level)]
    return sparse + (full(100) if kind != LACKS else full(100, environment="Acrobot-v1"))


def beyond(kind):
    high = {HOLDS: 70, FAILS: 100}.get(kind)
    low = [run for method in ("set", "rigl") for run in cell(method, 100, 0.9)]
    return low + [run for method in ("set", "rigl") for run in (cell(method, high, 0.95) if high else [])]


def alike(kind):
    return cell("set", 100) + (cell("rigl", 100 if kind == HOLDS else 110) if kind != LACKS else [])


def ahead(kind):
    return cell("set", 100, 0.99) + cell("rigl", 110 if kind == HOLDS else 99, 0.99, 2 if kind == LACKS else SEEDS)


def environments(kind):
    games = {"atari:MsPacman": 3_000, "atari:Pong": 20, "atari:Qbert": 9_000, "atari:Breakout": 100}
    runs = []
    for game, mean in games.items():
        of = {"environment": game, "network_kind": "cnn", "spread": 0.01 * mean}
        special = 0.98 if game == "atari:MsPacman" else 0.8
        ours = mean * (special if kind != FAILS else 1.05)
        runs += full(mean, **of) + matching(0.5 * mean, **of) if kind != LACKS else full(mean, **of)
        runs += [run for method in ("set", "rigl") for run in cell(method, ours, **of)]
    return runs


def networks(kind):
    of = {"environment": "atari:Breakout", "spread": 1.0}
    times = 1.2 if kind == FAILS else 3
    cnn, resnet = {"network_kind": "cnn", **of}, {"network_kind": "resnet", **of}
    runs = full(1.7 + 28.8 * 1.0, **cnn) + full(1.7 + 28.8 * times, **resnet)
    return runs + (cell("prune", 1.7 + 28.8 * times + 8, **resnet) if kind != LACKS else [])


def shares(kind):
    """Returns by actor share: 1, 0.9 and 0.5 of what the default has for shares that are small, middling and large."""
    runs = []
    for environment in ("Humanoid-v5", "Hopper-v5"):
        for method, budget in (("dense", 1.0), ("dense", 0.2), ("rigl", 0.2)):
            small_best = environment == "Humanoid-v5" and method == "dense" and budget < 1
            for share in (0.1, 0.3, 0.6, 0.9) if kind != LACKS else (0.3,):
                lost = {0.1: -0.001 if small_best else 0.001, 0.3: 0, 0.6: 0.1, 0.9: 0.5 if method == "dense" else 0.8}
                mean = 100 * (1 - (lost[share] if kind == HOLDS else -lost[share]))
                of = {"agent": "sac", "environment": environment, "budget": budget, "actor_share": share}
                runs += cell(method, mean, **of)
    return runs


def distributions(kind):
    gain = 110 if kind == HOLDS else 100
    erk, uniform = {"distribution": "erk", "live_macs": 180}, {"distribution": "uniform", "live_macs": 100}
    runs = [run for method in ("set", "rigl") for run in cell(method, gain, network_kind="cnn", **erk)]
    if kind != LACKS:
        runs += [run for method in ("set", "rigl") for run in cell(method, 100, network_kind="cnn", **uniform)]
    return runs


def costs(kind):
    """Of a CNN; with FAILS ERK computes no more than uniform sparsity does."""
    live = {"erk": 180 if kind == HOLDS else 100, "uniform": 100}
    names = ("erk",) if kind == LACKS else ("erk", "uniform")
    return [
        run
        for name in names
        for sparsity in (0.8, 0.9)
        for run in cell("rigl", 100, sparsity, network_kind="cnn", distribution=name, live_macs=live[name])
    ]


def decay(kind):
    runs: list = []
    gain = 50 if kind == FAILS else 3
    for value, more in ((0.0, 0), (1e-4, gain), (1e-3, -20)):
        of = {"agent": "sac", "environment": "Walker2d-v5", "weight_decay": value}
        methods = ("prune", "set", "rigl") if kind != LACKS else ("prune",)
        runs += [run for method in methods for run in cell(method, 100 + more, 0.8, **of)]
        runs += matching(90 + more, 0.8, **of) + full(100 + more, **of)
    return runs


def initialization(kind):
    runs = []
    for distribution in ("uniform", "erk") if kind != LACKS else ("uniform",):
        for aware in (True, False):
            helps = 10 if aware and (distribution == "uniform") == (kind != FAILS) else 0
            of = {"distribution": distribution, "sparsity_aware_initialization": aware}
            for method in ("static", "set", "rigl"):
                runs += cell(method, 100 + helps, 0.8, **of)
    return runs


def drop_fraction(kind):
    means = {0.0: 100, 0.1: 104, 0.3: 104.5, 0.5: 104} if kind == HOLDS else {0.0: 100, 0.1: 90, 0.3: 80, 0.5: 70}
    if kind == LACKS:
        means = {0.1: 104, 0.3: 104.5, 0.5: 104}
    of = [{"method.drop_fraction": fraction} for fraction in means]
    return [
        run
        for method in ("set", "rigl")
        for columns, mean in zip(of, means.values(), strict=True)
        for run in cell(method, mean, 0.8, **columns)
    ]


def interval(kind):
    other = 100 if kind != FAILS else 60
    updates = {1_000: 100, 100: other, 5_000: other} if kind != LACKS else {100: 100, 5_000: 100}
    return [
        run
        for method in ("prune", "set", "rigl")
        for each, mean in updates.items()
        for run in cell(method, mean, 0.8, **{"method.window.interval_updates": each})
    ]


def batch_size(kind):
    runs = []
    for size, lost in ((32, 20), (256, 0)):
        of = {"agent.batch_size": size}
        for method in ("prune", "static", "set", "rigl") if kind != LACKS else ("set", "rigl"):
            more = 40 if kind == FAILS and method == "rigl" and lost else 0
            runs += cell(method, 100 - lost - more, 0.8, **of)
        runs += matching(90 - lost, 0.8, **of) + full(110 - lost, **of)
    return runs


def signal_to_noise(kind):
    runs = [run for level in (0.5, 0.95) for run in cell("rigl", 100, level, agent="sac")]
    return runs + full(100, agent="sac")


def ratios(kind, selection):
    """Diagnostics of these runs: lower in actors, and the lower the sparser, or the other way round."""
    if kind == LACKS:
        return {}
    rows = {}
    for run in selection.runs:
        sparsity = 0.0 if run.columns["method"] == "dense" else run.columns["sparsity"]
        base = 0.03 * (1 - sparsity) + 0.01 if kind == HOLDS else 0.1 + 0.1 * sparsity
        base *= 1 + 0.01 * run.id.seed
        networks = {"actor": 0.5 if kind == HOLDS else 2.0, "critic_1": 1.0, "critic_2": 1.0}
        rows[str(run.id)] = [
            {"network": name, "layer": "all", "environment_steps": steps, "signal_to_noise": base * factor}
            for name, factor in networks.items()
            for steps in (0, 100, 1_000)
        ]
    return rows


def noise(kind):
    of = {"environment": "MinAtar/Breakout-v1", "network_kind": "cnn"}
    runs = full(100, **of) + matching(100, 0.9, **of)
    runs += [run for m in ("set", "rigl") for level in (0.5, 0.9) for run in cell(m, 100, level, **of)]
    for game in ("atari:MsPacman", "atari:Qbert"):
        of = {"environment": game, "network_kind": "cnn"}
        runs += full(1e4, **of)
        runs += [run for level in (0.5, 0.9) for run in cell("rigl", 1e4, level, **of) + matching(1e4, level, **of)]
    return runs


def noisy(kind, selection):
    """What policies keep under noise: RigL most, then SET, matched dense and full dense networks; or the reverse.

    In Qbert it is dense networks of half the size.
    """
    if kind == LACKS:
        return {}
    kept = {"rigl": 0.8, "set": 0.6, "matched-dense": 0.5, "full-dense": 0.3}
    returns = {}
    for run in selection.runs:
        name = run.columns["method"] if run.columns["role"] == "sparse" else run.columns["role"]
        half_of_qbert = run.columns["environment"] == "atari:Qbert" and run.columns["live_parameters"] == 500
        share = 0.7 if half_of_qbert else kept[name]
        if half_of_qbert and name == "matched-dense":
            share = 0.9
        share = (share if kind == HOLDS else 1.1 - share) + 0.005 * run.id.seed
        returns[str(run.id)] = {0.0: run.final_return, 5.0: run.final_return * 0.99, 30.0: run.final_return * share}
    return returns


def stability(kind):
    spread = {HOLDS: 40.0, FAILS: 0.5, LACKS: 40.0}[kind]
    of = {"environment": "Hopper-v5"}
    return full(100, agent="ppo", spread=spread, **of) + (
        full(100, agent="sac", **of) if kind != LACKS else full(100, agent="sac", environment="Ant-v5")
    )
