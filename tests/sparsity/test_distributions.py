"""ERK and uniform sparsities on random shapes, overrides and re-budgeting, against exact rational arithmetic."""

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sparserl.sparsity import Distribution, erk, live_count, uniform
from sparserl.types import UserError

DIMS = st.integers(1, 70)
SHAPES = st.lists(
    st.one_of(st.tuples(DIMS, DIMS), st.tuples(st.integers(1, 8), st.integers(1, 8), DIMS, DIMS)),
    min_size=1,
    max_size=7,
).map(lambda shapes: {f"q/layer_{i}": shape for i, shape in enumerate(shapes)})
SPARSITIES = st.one_of(st.integers(0, 999).map(lambda k: k / 1000), st.integers(0, 1023).map(lambda k: k / 1024))
NET = {"q/hidden_1": (4, 512), "q/hidden_2": (512, 512), "q/output": (512, 2)}


def exact_erk(shapes, live_weights):
    """Erdős-Rényi-kernel densities as fractions: the fewest dense layers, largest ratio first, that leave none above 1.

    With the layers in order of their ratio, a density vector is right if it makes a whole leading group dense, spends
    exactly `live_weights`, and puts no other layer above 1.
    """
    ratio = {name: Fraction(sum(shape), math.prod(shape)) for name, shape in shapes.items()}
    for threshold in [math.inf, *sorted(set(ratio.values()), reverse=True)]:
        dense = {name for name in shapes if ratio[name] >= threshold}
        rest = [name for name in shapes if name not in dense]
        left = live_weights - sum(math.prod(shapes[name]) for name in dense)
        if not rest:
            return dict.fromkeys(shapes, Fraction(1))
        scale = Fraction(left, sum(sum(shapes[name]) for name in rest))
        if all(scale * ratio[name] <= 1 for name in rest):
            return {name: Fraction(1) if name in dense else scale * ratio[name] for name in shapes}
    raise AssertionError


def owed(shape, sparsity):
    size = math.prod(shape)
    return size - math.floor(Fraction(repr(sparsity)) * size)


def budget_of(shapes, sparsity):
    return sum(owed(shape, sparsity) for shape in shapes.values())


def live_of(shapes, sparsities):
    return sum(live_count(math.prod(shapes[name]), sparsity) for name, sparsity in sparsities.items())


@settings(max_examples=300)
@given(SHAPES, SPARSITIES)
def test_erk_is_the_exact_solution(shapes, sparsity):
    budget = budget_of(shapes, sparsity)
    expected, found = exact_erk(shapes, budget), erk(shapes, sparsity)
    assert list(found) == list(shapes)
    for name, shape in shapes.items():
        assert found[name] == pytest.approx(float(1 - expected[name]), abs=1e-12)
        weights = expected[name] * math.prod(shape)
        if abs(weights - round(weights)) > 1e-6:  # on a whole number the last bit of a float decides
            assert live_count(math.prod(shape), found[name]) == math.ceil(weights)
    assert budget - 1e-6 <= live_of(shapes, found) <= budget + len(shapes)


@settings(max_examples=100)
@given(SHAPES, SPARSITIES)
def test_uniform_gives_every_layer_the_sparsity(shapes, sparsity):
    assert uniform(shapes, sparsity) == dict.fromkeys(shapes, sparsity)
    assert live_of(shapes, uniform(shapes, sparsity)) == budget_of(shapes, sparsity)


@settings(max_examples=300)
@given(
    SHAPES, SPARSITIES, st.dictionaries(st.integers(0, 6), SPARSITIES, min_size=1), st.sampled_from(["erk", "uniform"])
)
def test_rebudgeting_keeps_the_live_weights_or_says_why_not(shapes, sparsity, overrides, kind):
    overrides = {f"q/layer_{i}": value for i, value in overrides.items() if f"q/layer_{i}" in shapes}
    assume(overrides)
    rest = {name: shape for name, shape in shapes.items() if name not in overrides}
    fixed = sum(owed(shapes[name], value) for name, value in overrides.items())
    left = budget_of(shapes, sparsity) - fixed
    distribution = Distribution(kind, tuple(overrides.items()))
    if not len(rest) <= left <= sum(map(math.prod, rest.values())):
        with pytest.raises(UserError, match=r"^sparsity is .* with overrides of"):
            distribution.sparsities(shapes, sparsity)
        return
    found = distribution.sparsities(shapes, sparsity)
    assert list(found) == list(shapes)
    assert all(found[name] == value for name, value in overrides.items())
    assert 0 <= live_of(shapes, found) - budget_of(shapes, sparsity) <= len(rest)
    size = sum(map(math.prod, rest.values()))
    expected = exact_erk(rest, left) if kind == "erk" else {name: Fraction(left, size) for name in rest}
    for name in rest:
        assert found[name] == pytest.approx(float(1 - expected[name]), abs=1e-12)


@settings(max_examples=100)
@given(SHAPES, SPARSITIES, SPARSITIES, st.sampled_from([erk, uniform]))
def test_without_rebudgeting_the_overridden_layer_does_not_exist(shapes, sparsity, value, solve):
    first, *others = shapes
    found = solve(shapes, sparsity, {first: value}, rebudget=False)
    assert found == {first: value, **solve({name: shapes[name] for name in others}, sparsity)}


def test_the_feasible_range_in_the_message_is_feasible():
    overrides = (("hidden_2", 0.5),)
    with pytest.raises(UserError, match=r"must be between 0\.4943 and 0\.505") as caught:
        Distribution("erk", overrides).sparsities(NET, 0.9)
    low, high = (float(word.strip(";,")) for word in str(caught.value).split("between ")[1].split()[:3:2])
    for sparsity in (low, high):
        found = Distribution("erk", overrides).sparsities(NET, sparsity)
        assert live_of(NET, found) == pytest.approx(budget_of(NET, sparsity), abs=3)
    for sparsity in (low - 1e-3, high + 1e-3):
        with pytest.raises(UserError):
            Distribution("erk", overrides).sparsities(NET, sparsity)


@pytest.mark.parametrize("override", ["hidden_2", "q/hidden_2"])
@pytest.mark.parametrize("prefix", ["", "q/"])
def test_overrides_name_layers_with_or_without_their_network(override, prefix):
    shapes = {prefix + name.partition("/")[2]: shape for name, shape in NET.items()}
    found = Distribution("uniform", ((override, 0.905),)).sparsities(shapes, 0.9)
    assert found[f"{prefix}hidden_2"] == 0.905
    assert found[f"{prefix}hidden_1"] == found[f"{prefix}output"] < 0.9


@pytest.mark.parametrize("dense_last_layer", [False, True])
def test_unknown_layers_are_told_the_nearest(dense_last_layer):
    distribution = Distribution(overrides=(("hiden_2", 0.5),), dense_last_layer=dense_last_layer)
    with pytest.raises(UserError, match=r"overrides is 'hiden_2'.*did you mean 'q/hidden_2'\?") as caught:
        distribution.sparsities(NET, 0.9)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=r"'critic/hidden_2'.*did you mean 'q/hidden_2'"):
        Distribution(overrides=(("critic/hidden_2", 0.5),)).sparsities(NET, 0.9)
    with pytest.raises(UserError, match="did you mean 'q/output'"):
        erk(NET, 0.9, {"q/ouput": 0.5})


def test_a_dense_last_layer_has_no_sparsity_and_takes_no_override():
    found = Distribution(dense_last_layer=True).sparsities(NET, 0.9)
    assert found == erk({name: NET[name] for name in ("q/hidden_1", "q/hidden_2")}, 0.9)
    with pytest.raises(UserError, match="no masked layer has this name"):
        Distribution(overrides=(("output", 0.5),), dense_last_layer=True).sparsities(NET, 0.9)


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, math.nan])
def test_impossible_sparsities_are_refused(sparsity):
    for solve in (erk, uniform):
        with pytest.raises(UserError, match=r"^sparsity is "):
            solve(NET, sparsity)
        with pytest.raises(UserError, match="'q/output="):
            solve(NET, 0.9, {"q/output": sparsity})
    with pytest.raises(UserError, match="'output="):
        Distribution(overrides=(("output", sparsity),))


def test_impossible_distributions_are_refused():
    with pytest.raises(UserError, match="'erq'"):
        Distribution("erq")
    with pytest.raises(UserError, match="it is given 2 times; once is allowed"):
        Distribution(overrides=(("output", 0.5), ("q/output", 0.6))).sparsities(NET, 0.9)


def test_several_networks_are_solved_on_their_own():
    actor = {"hidden": (17, 256), "mean": (256, 6)}
    critic = {"hidden": (23, 256), "output": (256, 1)}
    networks = {"actor": actor, "critic_1": critic, "critic_2": critic}
    sparsities = {"actor": 0.8, "critic_1": 0.9, "critic_2": 0.9}
    found = Distribution().network_sparsities(networks, sparsities)
    assert {name: found[f"actor/{name}"] for name in actor} == erk(actor, 0.8)
    assert {name: found[f"critic_2/{name}"] for name in critic} == erk(critic, 0.9)

    one = Distribution("uniform", (("critic_1/hidden", 0.91), ("mean", 0.7))).network_sparsities(networks, sparsities)
    assert one["critic_1/hidden"] == 0.91
    assert one["critic_2/hidden"] == 0.9
    assert one["actor/mean"] == 0.7
    every = Distribution("uniform", (("hidden", 0.85),), rebudget=False).network_sparsities(networks, sparsities)
    assert [every[f"{network}/hidden"] for network in networks] == [0.85] * 3
    dense = Distribution("uniform", dense_last_layer=True).network_sparsities(networks, sparsities)
    assert list(dense) == ["actor/hidden", "critic_1/hidden", "critic_2/hidden"]
    with pytest.raises(UserError, match="did you mean 'actor/mean'"):
        Distribution(overrides=(("actor/meen", 0.5),)).network_sparsities(networks, sparsities)
