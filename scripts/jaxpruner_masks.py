"""What jaxpruner makes of given numbers, written to a file: run by `check-jaxpruner` in an environment of its own.

    python scripts/jaxpruner_masks.py CHECKOUT OUTPUT.npz

Nothing here knows sparserl, and nothing in sparserl knows jaxpruner: `tests/sparsity/test_jaxpruner.py` compares.
"""

import functools
import itertools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax

sys.path.insert(0, sys.argv[1])
import jaxpruner
from jaxpruner import mask_calculator, sparsity_distributions, sparsity_schedules
from jaxpruner.algorithms import sparse_trainers

SHAPES = {
    "mlp": {"a": (11, 64), "b": (64, 64), "c": (64, 3)},
    "wide": {"a": (784, 300), "b": (300, 100), "c": (100, 10)},
    "cnn": {"a": (8, 8, 4, 32), "b": (4, 4, 32, 64), "c": (3, 3, 64, 64), "d": (3136, 512), "e": (512, 6)},
}
SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.99)
UPDATES, INTERVAL, LAST = 200, 20, 160
DROP_FRACTION = 0.4
RANDOM = np.random.default_rng(0)
arrays, facts = {}, {"versions": {m.__name__: m.__version__ for m in (jax, optax, np)}}


def normal(*shape):
    """Numbers that half precision holds, so that they are stored in half the room."""
    return RANDOM.normal(size=shape).astype(np.float16).astype(np.float32)


def distributions():
    found = []
    for (network, shapes), sparsity in itertools.product(SHAPES.items(), SPARSITIES):
        tree = {name: {"kernel": jnp.zeros(shape)} for name, shape in shapes.items()}
        for kind, override in itertools.product(("erk", "uniform"), (None, 0.5)):
            of = getattr(sparsity_distributions, kind)
            spread = of(tree, sparsity, custom_sparsity_map=override and {("a", "kernel"): override})
            values = {name: float(layer["kernel"]) for name, layer in spread.items()}
            static = jaxpruner.StaticRandomSparse(sparsity_distribution_fn=lambda _, spread=spread: spread)
            small = network == "mlp" and override is None
            masks = static.init_state(tree).masks if small else {}
            live = {name: int(mask["kernel"].sum()) for name, mask in masks.items()}
            case = {"shapes": shapes, "sparsity": sparsity, "kind": kind, "override": override}
            found.append({**case, "sparsities": values, "live": live})
    facts["distributions"] = found


def magnitudes():
    """Masks of the largest magnitudes: of random weights, of ties, and where a count is rounded."""
    weights = {"random": normal(12, 25), "ties": RANDOM.integers(-3, 4, (10, 20)).astype(np.float32)}
    weights["negative"], weights["halves"] = -np.abs(normal(3, 4, 5)), normal(5, 5)
    for (name, weight), sparsity in itertools.product(weights.items(), (0.1, 0.5, 0.7, 0.9, 0.99)):
        arrays[f"magnitude/{name}"] = weight
        arrays[f"magnitude/{name}/{sparsity}"] = mask_calculator.topk_mask_calculator(jnp.abs(weight), sparsity)


def moves():
    """Drop and grow, by given scores: SET and RigL share it."""
    rigl = jaxpruner.RigL(is_debug=True)
    for name, shape, live, fraction in (
        ("exact", (10, 20), 100, 0.3),
        ("exact half", (8, 25), 60, 0.5),
        ("ties", (10, 20), 100, 0.3),
        ("live zeros", (10, 20), 100, 0.3),
        ("convolution", (3, 3, 4, 10), 80, 0.25),
        ("all", (10, 10), 20, 1.0),
        ("none", (10, 10), 20, 0.0),
        ("more than dead", (10, 10), 90, 0.5),
        ("rounded alike", (10, 20), 97, 0.3),
        ("rounded otherwise", (10, 20), 99, 0.3),
    ):
        mask = RANDOM.permutation(np.prod(shape)).reshape(shape) < live
        weight, growth = normal(*shape), normal(*shape)
        if name == "ties":
            weight, growth = np.round(weight), np.round(growth)
        if name == "live zeros":
            weight = weight * (RANDOM.random(shape) < 0.5)
        weight = (weight * mask).astype(np.float32)
        moved = rigl._update_masks(mask.astype("uint8"), jnp.abs(weight), jnp.abs(growth), fraction)
        arrays.update({f"move/{name}/{k}": v for k, v in (("mask", mask), ("weight", weight), ("growth", growth))})
        arrays[f"move/{name}/moved"] = np.asarray(moved)
        facts.setdefault("moves", {})[name] = fraction


def saliencies():
    """One-shot pruning by |weight x gradient|: by layer, and over the whole network."""
    params = {"a": {"kernel": normal(10, 20)}, "b": {"kernel": 3 * normal(20, 5)}}
    slopes = jax.tree_util.tree_map(lambda leaf: normal(*leaf.shape), params)
    spread = functools.partial(sparsity_distributions.uniform, sparsity=0.8)
    once = sparsity_schedules.OneShotSchedule(target_step=0)
    layered = jaxpruner.SaliencyPruning(scheduler=once, sparsity_distribution_fn=spread)
    kinds = {"layered": layered}
    kinds["global"] = jaxpruner.GlobalSaliencyPruning(scheduler=once, sparsity=0.8, use_normalization=False)
    for kind, pruner in kinds.items():
        optimizer = pruner.wrap_optax(optax.sgd(0.0))
        _, state = optimizer.update(slopes, optimizer.init(params), params)
        arrays.update({f"saliency/{kind}/{name}": layer["kernel"] for name, layer in state.masks.items()})
    for name in params:
        arrays[f"saliency/params/{name}"] = params[name]["kernel"]
        arrays[f"saliency/gradients/{name}"] = slopes[name]["kernel"]


def schedules():
    """At which steps masks change, and how sparse they become then."""
    found = []
    for frequency, start, end in ((20, 1, 161), (1000, 2500, 6000), (1000, 0, 1500), (7, 14, 70), (1, 0, 5)):
        schedule = sparsity_schedules.PolynomialSchedule(frequency, start, end)
        steps = [step for step in range(end + 2) if schedule.is_mask_update_iter(step)]
        at = {step: float(schedule.get_sparsity_at_step(0.9, jnp.int32(step))) for step in steps}
        found.append({"frequency": frequency, "start": start, "end": end, "sparsities": at})
    facts["schedules"] = found


def resets():
    """Moments after weights were born, in Adam and in SGD with momentum."""
    weight, old = normal(6, 7), RANDOM.random((6, 7)) < 0.4
    new = RANDOM.random((6, 7)) < 0.4
    arrays.update({"reset/weight": weight, "reset/old": old, "reset/new": new, "reset/gradient": normal(6, 7)})
    for name, optimizer in (("adam", optax.adam(0.1)), ("sgd", optax.sgd(0.1, momentum=0.9))):
        _, state = optimizer.update([arrays["reset/gradient"]], optimizer.init([weight]), [weight])
        state = sparse_trainers.restart_inner_state(state, [(~old & new).astype("uint8")])
        moments = [leaf for leaf in jax.tree_util.tree_leaves(state) if leaf.shape == weight.shape]
        arrays.update({f"reset/{name}/{i}": leaf for i, leaf in enumerate(moments)})


def loss(params, x, y):
    hidden = jnp.tanh(x @ params["a"]["kernel"] + params["a"]["bias"])
    return jnp.mean((hidden @ params["b"]["kernel"] - y) ** 2)


def agreeing(count):
    """Whether rounding to nearest what stays and rounding down what moves agree along the whole cosine."""
    fractions = DROP_FRACTION * (1 + np.cos(np.pi * np.arange(LAST // INTERVAL + 1) / (LAST // INTERVAL))) / 2
    parts = (count * fractions) % 1
    return bool((parts < 0.45).all())


def trajectories():
    """Two hundred updates of the whole library on a small regression, gradual pruning and RigL."""
    inputs, width, outputs = 11, 24, 12
    x, y = normal(32, inputs), normal(32, outputs)
    params = {"a": {"kernel": normal(inputs, width) / 3, "bias": np.zeros(width, np.float32)}}
    params["b"] = {"kernel": normal(width, outputs) / 5}
    counts = dict(zip("ab", [count for count in range(90, 230) if agreeing(count)][:2], strict=True))
    masks = {
        k: RANDOM.permutation(params[k]["kernel"].size).reshape(params[k]["kernel"].shape) < counts[k] for k in counts
    }
    arrays.update({"train/x": x, "train/y": y, "train/a": params["a"]["kernel"], "train/b": params["b"]["kernel"]})
    arrays.update({f"train/mask/{name}": mask for name, mask in masks.items()})
    uniform = functools.partial(sparsity_distributions.uniform, sparsity=0.75)
    every = sparsity_schedules.PolynomialSchedule(INTERVAL, 1, LAST + 1)
    prune = jaxpruner.MagnitudePruning(scheduler=every, sparsity_distribution_fn=uniform)
    rigl = jaxpruner.RigL(
        scheduler=sparsity_schedules.PeriodicSchedule(INTERVAL, 0, LAST),
        drop_fraction_fn=optax.cosine_decay_schedule(DROP_FRACTION, LAST),
        sparsity_distribution_fn=uniform,
    )
    for name, updater in (("prune", prune), ("rigl", rigl)):
        optimizer = updater.wrap_optax(optax.adam(1e-2))
        state, weights = optimizer.init(params), params
        if name == "rigl":
            given = {"a": {"kernel": masks["a"], "bias": None}, "b": {"kernel": masks["b"]}}
            given = jax.tree_util.tree_map(lambda mask: jnp.asarray(mask, "uint8"), given)
            state = state._replace(masks=given)
            weights = updater.post_gradient_update(weights, state)

        @jax.jit
        def step(weights, state, optimizer=optimizer, updater=updater):
            updates, state = optimizer.update(jax.grad(loss)(weights, x, y), state, weights)
            return updater.post_gradient_update(optax.apply_updates(weights, updates), state), state

        seen = {layer: [] for layer in masks}
        for update in range(UPDATES):
            weights, state = step(weights, state)
            if update % INTERVAL == 0 and update <= LAST:
                for layer, history in seen.items():
                    history.append(np.asarray(state.masks[layer]["kernel"], bool))
        for layer, history in seen.items():
            arrays[f"{name}/masks/{layer}"] = np.packbits(np.stack(history))
            arrays[f"{name}/final/{layer}"] = weights[layer]["kernel"]
        facts[f"{name} loss"] = float(loss(weights, x, y))
    facts["live"] = counts


for part in (distributions, magnitudes, moves, saliencies, schedules, resets, trajectories):
    part()


def smallest(array):
    """The same numbers in fewer bytes, where these hold them exactly."""
    array = np.asarray(array)
    half = array.astype(np.float16)
    return half if array.dtype == np.float32 and (half == array).all() else array


for name in [name for name, array in arrays.items() if array.dtype == np.uint8 and "/masks/" not in name]:
    arrays[name] = np.asarray(arrays[name], bool)
numbers = {name: smallest(array) for name, array in arrays.items()}
np.savez_compressed(sys.argv[2], facts=np.array(json.dumps(facts)), **numbers)
