"""Distributions: how the sparsity of a network spreads over its layers."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from sparserl.sparsity.masks import Sparsities, live_count
from sparserl.types import Field, UserError

Shapes = Mapping[str, tuple[int, ...]]

_NO_OVERRIDES: Sparsities = MappingProxyType({})


@dataclass(frozen=True)
class Distribution:
    """How the sparsity of each network spreads over its layers.

    overrides: pairs (layer, sparsity), the layer as "layer" or as "network/layer". rebudget: whether the other layers
    make up for the overridden ones, so that the network stays as sparse as asked. dense_last_layer: the last layer is
    left out, so the network is less sparse than asked (Graesser et al. 2022, figure 14).
    """

    kind: Literal["erk", "uniform"] = "erk"
    overrides: tuple[tuple[str, float], ...] = ()
    dense_last_layer: bool = False
    rebudget: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("erk", "uniform"):
            raise UserError(field="kind", value=self.kind, allowed=("erk", "uniform"))
        for layer, sparsity in self.overrides:
            _check_sparsity("overrides", f"{layer}={sparsity}", sparsity)

    def sparsities(self, shapes: Shapes, sparsity: float) -> Sparsities:
        """Sparsity of each maskable layer of one network; the last layer is the last of `shapes`.

        Keys are those of `shapes`, be they "layer" or "network/layer". Raises UserError for an override of a layer that
        is not maskable here, and for a sparsity that cannot be reached.
        """
        layers = self.maskable(shapes)
        self._check_overrides(layers)
        return self._solve(layers, sparsity)

    def network_sparsities(self, networks: Mapping[str, Shapes], asked: Sparsities) -> Sparsities:
        """Sparsities of the layers of several networks by "network/layer", each solved on its own
        with the sparsity that is asked of it.

        An override "layer" means that layer in every network that has it; UserError if none has.
        """
        parts = {
            network: self.maskable({f"{network}/{layer}": shape for layer, shape in shapes.items()})
            for network, shapes in networks.items()
        }
        self._check_overrides([name for layers in parts.values() for name in layers])
        solved = [self._solve(layers, asked[network]) for network, layers in parts.items()]
        return {name: sparsity for part in solved for name, sparsity in part.items()}

    def maskable(self, shapes: Shapes) -> Shapes:
        """The layers of one network that can be sparse: all, or all but the last."""
        return {name: shapes[name] for name in list(shapes)[: -1 if self.dense_last_layer else None]}

    def _check_overrides(self, names: Collection[str]) -> None:
        for layer, _ in self.overrides:
            if not any(_means(layer, name) for name in names):
                raise _unknown_layer(layer, names)

    def _solve(self, layers: Shapes, sparsity: float) -> Sparsities:
        overrides: dict[str, float] = {}
        for name in layers:
            given = [value for layer, value in self.overrides if _means(layer, name)]
            if len(given) > 1:
                raise UserError(f"it is given {len(given)} times; once is allowed", field="overrides", value=name)
            if given:
                overrides[name] = given[0]
        return (erk if self.kind == "erk" else uniform)(layers, sparsity, overrides, self.rebudget)


def uniform(
    shapes: Shapes, sparsity: float, overrides: Sparsities = _NO_OVERRIDES, rebudget: bool = True
) -> Sparsities:
    """The same sparsity for every layer that is not overridden. Arguments and errors as for `erk`."""
    budget, rest = _budget(shapes, sparsity, overrides, rebudget)
    size = sum(math.prod(shape) for shape in rest.values())
    common = 1.0 - budget / size if overrides and rebudget and rest else sparsity
    return {name: common if name in rest else overrides[name] for name in shapes}


def erk(shapes: Shapes, sparsity: float, overrides: Sparsities = _NO_OVERRIDES, rebudget: bool = True) -> Sparsities:
    """Erdős-Rényi-kernel sparsities: densities are proportional to the sum of a layer's dimensions over their product.

    Layers that would be more than dense are made dense, those with the largest ratio first, and the rest solved again.
    shapes: kernel shapes of one network by layer. overrides: sparsity by layer. With `rebudget` the other layers make
    up for them, so that the network keeps its number of live weights, to one per layer; without it they are solved as
    if the overridden layers did not exist. Raises UserError for a sparsity outside [0, 1), an unknown layer, or a
    sparsity that these overrides do not allow. Evci et al. 2020, section 3 (1).
    """
    budget, rest = _budget(shapes, sparsity, overrides, rebudget)
    densities: dict[str, float] = {}
    ratios = {name: sum(shape) / math.prod(shape) for name, shape in rest.items()}
    while ratios:
        scale = budget / sum(ratios[name] * math.prod(rest[name]) for name in ratios)
        largest = max(ratios.values())
        if scale * largest <= 1.0:
            densities |= {name: scale * ratio for name, ratio in ratios.items()}
            break
        full = [name for name, ratio in ratios.items() if ratio == largest]
        densities |= dict.fromkeys(full, 1.0)
        budget -= sum(math.prod(rest[name]) for name in full)
        ratios = {name: ratio for name, ratio in ratios.items() if name not in full}
    return {name: overrides[name] if name in overrides else 1.0 - densities[name] for name in shapes}


def _budget(shapes: Shapes, sparsity: float, overrides: Sparsities, rebudget: bool) -> tuple[int, Shapes]:
    """The live weights that the layers without an override share, and the shapes of these layers."""
    _check_sparsity("sparsity", sparsity, sparsity)
    for name, value in overrides.items():
        if name not in shapes:
            raise _unknown_layer(name, shapes)
        _check_sparsity("overrides", f"{name}={value}", value)
    rest = {name: shape for name, shape in shapes.items() if name not in overrides}
    counted = shapes if rebudget else rest
    budget = sum(live_count(math.prod(shape), sparsity) for shape in counted.values())
    if rebudget and overrides:
        fixed = sum(live_count(math.prod(shapes[name]), value) for name, value in overrides.items())
        size, largest = sum(map(math.prod, shapes.values())), sum(map(math.prod, rest.values()))
        budget -= fixed
        if not len(rest) <= budget <= largest:
            allowed = span(1.0 - (fixed + largest) / size, 1.0 - (fixed + len(rest)) / size)
            raise UserError(
                f"it must be {allowed} with ",
                Field("overrides"),
                f" of {', '.join(overrides)}; or change one of these, or choose ",
                Field("rebudget", False),
                field="sparsity",
                value=sparsity,
            )
    return budget, rest


def _check_sparsity(field: str, value: Any, sparsity: float) -> None:
    if not 0.0 <= sparsity < 1.0:
        # Only sparsity 1 leaves a layer without a live weight: counts of live weights are rounded up.
        in_percent = f"; {sparsity:g} % is {sparsity / 100:g}" if 1 < sparsity < 100 else ""
        raise UserError(f"a sparsity must be at least 0 and below 1{in_percent}", field=field, value=value)


def _unknown_layer(layer: str, names: Collection[str]) -> UserError:
    return UserError("no masked layer has this name", field="overrides", value=layer, allowed=names)


def _means(layer: str, name: str) -> bool:
    """Whether an override of `layer` is for the layer `name`, either of them with or without its network."""
    return layer == name or layer == name.partition("/")[2] or layer.partition("/")[2] == name


def span(low: float, high: float) -> str:
    """A range of fractions in words, to four digits, rounded inwards so that both ends are allowed; or its middle."""
    inner_low, inner_high = math.ceil(low * 1e4) / 1e4, math.floor(high * 1e4) / 1e4
    return f"between {inner_low} and {inner_high}" if inner_low < inner_high else f"about {(low + high) / 2:.10g}"
