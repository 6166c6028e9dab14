"""The words of a card: Markdown from its numbers."""

from collections.abc import Iterator, Sequence

from sparserl.deploy.card import Card, NetworkNumbers, Way, findings

MICRO = 1e6
_ABSENT = "-"
_PLAYERS = {"original": "the trained network", "written": "what was written"}


def markdown(card: Card) -> str:
    """The card as Markdown, for people and for model pages."""
    return "\n".join(_lines(card)).rstrip() + "\n"


def _lines(card: Card) -> Iterator[str]:
    yield f"# {_title(card)}\n"
    yield from _sentences(card)
    yield "\n## Network\n"
    yield from _network(card.network)
    yield "\n## Files\n"
    yield from _table(("file", "bytes"), [(name, f"{size:,}") for name, size in card.files.items()])
    if card.ways:
        yield "\n## What one action costs\n"
        yield from _ways(card.ways)
    if card.notes:
        yield "\n## Notes\n"
        yield from (f"- {note}" for note in card.notes)
    yield "\n## Training\n"
    yield from _table(("", ""), [(key.replace("_", " "), _said(value)) for key, value in card.training.items()])
    yield "\n## Machine\n"
    named = ("cpu_model", "cpu_generation", "architecture", "platform", "compiler")
    yield from _table(
        ("", ""), [(key.replace("_", " "), _said(card.machine[key])) for key in named if key in card.machine]
    )


def _title(card: Card) -> str:
    told = card.training
    what = [str(told[key]) for key in ("agent", "environment", "method") if key in told]
    return f"{' · '.join(what) or 'A policy'}: {card.format}, {card.weights}"


def _sentences(card: Card) -> Iterator[str]:
    checked = card.verification
    if checked:
        if card.weights == "float32":
            yield "Verified through the written files, beside the trained policy:"
        else:
            yield (
                f"Verified through the written files, which act as a policy with {card.weights} weights does. "
                "Beside the trained policy, which those only come near:"
            )
        yield (
            f"on {checked['num_observations']:,} observations, half of them adversarial, the largest difference of "
            f"outputs is {checked['largest_difference']:.2g}, and {checked['action_agreement']:.2%} of the actions "
            "agree."
        )
    for name, returned in (card.returns or {}).items():
        yield f"Return of {_PLAYERS.get(name, name)}: {_estimate(returned)}."


def _estimate(returned: object) -> str:
    if not isinstance(returned, dict):
        return _said(returned)
    interval = ""
    if returned.get("low") is not None:
        interval = f" (95 % interval {returned['low']:.4g} to {returned['high']:.4g})"
    episodes = f", {returned['num_episodes']} episodes" if "num_episodes" in returned else ""
    return f"{returned['mean']:.4g}{interval}{episodes}"


def _network(network: NetworkNumbers) -> Iterator[str]:
    share = network.live_weights / max(network.weights, 1)
    yield from _table(
        ("", ""),
        [
            ("live weights", f"{network.live_weights:,} of {network.weights:,} ({share:.2%})"),
            ("biases", f"{network.biases:,}"),
            (
                "multiply-accumulates an action",
                f"{network.multiply_accumulates:,}, dense {network.dense_multiply_accumulates:,}",
            ),
        ],
    )


def _ways(ways: Sequence[Way]) -> Iterator[str]:
    titles = ("", "flash (bytes)", "RAM (bytes)", "instructions", "p50 (µs)", "p99 (µs)")
    yield from _table(titles, [_row(way) for way in ways])
    told = list(findings(ways))
    if told:
        yield ""
        yield from (f"- {sentence}" for sentence in told)


def _row(way: Way) -> tuple[str, ...]:
    memory, latency = way.memory, way.latency
    return (
        way.name,
        _ABSENT if memory is None else f"{memory.flash_bytes:,}",
        _ABSENT if memory is None else f"{memory.ram_bytes:,}",
        _ABSENT if way.instructions is None else f"{way.instructions:,.0f}",
        _ABSENT if latency is None else f"{latency.p50_seconds * MICRO:.2f}",
        _ABSENT if latency is None else f"{latency.p99_seconds * MICRO:.2f}",
    )


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table whose first column is words and whose others are numbers, where it has titles."""
    right = any(titles)
    yield f"| {' | '.join(titles)} |"
    yield f"|{'|'.join(['---', *(['---:' if right else '---'] * (len(titles) - 1))])}|"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |"


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    return _ABSENT if value is None else str(value)
