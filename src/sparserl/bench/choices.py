"""What is measured: the options of each bench, as data."""

import dataclasses
from collections.abc import Collection, Mapping

from sparserl.types import UserError

WORKS = ("dqn_update", "sac_update")
VARIANTS = ("dense", "masked", "compressed", "compressed_rigl", "auto")
BY_MASKS = "masked_rigl"  # RigL as sparse peers do it; measured only where it is asked for


@dataclasses.dataclass(frozen=True)
class Updates:
    """Whole gradient updates of an agent: `dense` is always measured beside the other variants."""

    sparsities: tuple[float, ...] = (0.8, 0.9, 0.95, 0.99)
    works: tuple[str, ...] = WORKS
    variants: tuple[str, ...] = VARIANTS
    hidden_units: tuple[int, ...] = ()  # none: 512 512 for dqn_update, 256 256 for sac_update
    batch_size: int | None = None  # None: 128 for dqn_update, 256 for sac_update
    replay_steps: int = 100_000  # transitions in the replay, which is full
    interval_updates: int = 1_000  # between the topology updates of compressed_rigl and masked_rigl
    repetitions: int = 5  # rounds in which the variants take turns
    window_seconds: float = 0.5  # how long each turn of a variant lasts at least
    processes: int | None = None  # one-thread processes at once; None: one on every core

    def __post_init__(self) -> None:
        _check_measuring(self)
        _check_sparsities(self.sparsities)
        _check_names("works", self.works, WORKS)
        _check_names("variants", self.variants, (*VARIANTS, BY_MASKS))
        _check_counts("hidden_units", self.hidden_units)
        for name in ("batch_size", "replay_steps", "interval_updates"):
            _check_counts(name, (getattr(self, name),))


@dataclasses.dataclass(frozen=True)
class KernelProducts:
    """Single products of one layer: along each axis through 512 x 512, sparsity 0.9, batch 128, or the whole grid."""

    sparsities: tuple[float, ...] = (0.5, 0.8, 0.9, 0.95, 0.99)
    shapes: tuple[str, ...] = (
        *("64x64", "128x128", "256x256", "512x512", "1024x1024", "2048x2048"),
        *("6x512", "512x3", "17x256"),
    )
    batch_sizes: tuple[int, ...] = (1, 32, 128, 512)
    full: bool = False  # every shape with every sparsity and batch size
    repetitions: int = 5
    window_seconds: float = 0.01
    processes: int | None = None

    def __post_init__(self) -> None:
        _check_measuring(self)
        _check_sparsities(self.sparsities)
        _check_counts("batch_sizes", self.batch_sizes)
        for text in self.shapes:
            shape_of(text)


@dataclasses.dataclass(frozen=True)
class Inference:
    """A whole policy, called as one compiled function."""

    sparsities: tuple[float, ...] = (0.8, 0.9, 0.95, 0.99)
    hidden_units: tuple[int, ...] = (256, 512)  # width of the two hidden layers
    batch_sizes: tuple[int, ...] = (1, 64)
    repetitions: int = 5
    window_seconds: float = 0.1
    processes: int | None = None

    def __post_init__(self) -> None:
        _check_measuring(self)
        _check_sparsities(self.sparsities)
        _check_counts("hidden_units", self.hidden_units)
        _check_counts("batch_sizes", self.batch_sizes)


@dataclasses.dataclass(frozen=True)
class BreakEven:
    """The density up to which one layer's update is faster compressed, for every size and batch size."""

    sizes: tuple[int, ...] = (4, 16, 64, 256, 512, 1024, 2048)  # inputs and outputs
    batch_sizes: tuple[int, ...] = (32, 128, 512)
    repetitions: int = 3
    window_seconds: float = 0.005
    processes: int | None = None

    def __post_init__(self) -> None:
        _check_measuring(self)
        _check_counts("sizes", self.sizes)
        _check_counts("batch_sizes", self.batch_sizes)


BenchOptions = Updates | KernelProducts | Inference | BreakEven
BENCHES: Mapping[str, type[BenchOptions]] = {
    "updates": Updates,
    "kernels": KernelProducts,
    "inference": Inference,
    "break-even": BreakEven,
}


def shape_of(text: str) -> tuple[int, int]:
    """`(inputs, outputs)` of "512x3". Raises UserError for anything else."""
    inputs, _, outputs = text.partition("x")
    if not (inputs.isdecimal() and outputs.isdecimal() and int(inputs) and int(outputs)):
        raise UserError("write INPUTSxOUTPUTS, as in 512x3", field="shapes", value=text)
    return int(inputs), int(outputs)


def _check_measuring(options: BenchOptions) -> None:
    if options.repetitions < 1:
        raise UserError("it must be at least 1", field="repetitions", value=options.repetitions)
    if not options.window_seconds > 0:
        raise UserError("it must be greater than 0", field="window_seconds", value=options.window_seconds)
    if options.processes is not None and options.processes < 1:
        raise UserError("it must be at least 1", field="processes", value=options.processes)


def _check_sparsities(sparsities: Collection[float]) -> None:
    if not sparsities:
        raise UserError("give at least one, as in 0.9", field="sparsities", value=())
    for sparsity in sparsities:
        if not 0 <= sparsity < 1:
            raise UserError("each must lie in [0, 1); 0.9 keeps one weight in ten", field="sparsities", value=sparsity)


def _check_counts(name: str, counts: Collection[int | None]) -> None:
    for count in counts:
        if count is not None and count < 1:
            raise UserError("it must be at least 1", field=name, value=count)


def _check_names(option: str, given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise UserError(field=option, value=name, allowed=known)
