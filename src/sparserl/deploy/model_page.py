"""The page of a model on Hugging Face: a README whose head tells the hub what the model is and what it reaches."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

PLACEHOLDER = "OWNER/NAME"  # of a folder that is written for no repository yet


def page(name: str | None, contract: Mapping[str, Any], returns: Mapping[str, Any], card: str, film: str | None) -> str:
    """The README of a model folder.

    name: of its repository; contract: as in contract.json; returns: `mean`, `standard_deviation` and `num_episodes` of
    the episodes that the written policy played; card: Markdown; film: the name of its file.
    """
    return f"---\n{_head(name, contract, returns)}---\n\n{_body(name, contract, returns, card, film)}"


def title(contract: Mapping[str, Any]) -> str:
    """What a policy is, in a few words."""
    told = contract["training"]
    sparsity = f" at {100 * told['sparsity']:g} %" if told["sparsity"] else ""
    return f"{told['agent']} {told['method']}{sparsity} on {told['environment']}"


def _head(name: str | None, contract: Mapping[str, Any], returns: Mapping[str, Any]) -> str:
    """YAML; JSON's strings and lists are YAML's, too."""
    told = contract["training"]
    environment = told["environment"]
    tags = ["reinforcement-learning", "deep-reinforcement-learning", "sparse", "sparserl"]
    own = [_as_tag(each) for each in (environment, told["agent"], told["method"])]
    metrics = [("mean_reward", returns["mean"]), ("std_reward", returns["standard_deviation"])]
    lines = [
        "library_name: sparserl",
        "pipeline_tag: reinforcement-learning",
        f"tags: {_text([*tags, *own])}",
        "model-index:",
        f"- name: {_text(name.partition('/')[2] if name else title(contract))}",
        "  results:",
        "  - task: {type: reinforcement-learning, name: reinforcement-learning}",
        f"    dataset: {{type: {_text(environment)}, name: {_text(environment)}}}",
        "    metrics:",
        *(f"    - {{type: {kind}, name: {kind}, value: {_number(value)}}}" for kind, value in metrics),
    ]
    return "\n".join(lines) + "\n"


def _body(
    name: str | None, contract: Mapping[str, Any], returns: Mapping[str, Any], card: str, film: str | None
) -> str:
    return "\n\n".join(_paragraphs(name, contract, returns, card, film)) + "\n"


def _paragraphs(
    name: str | None, contract: Mapping[str, Any], returns: Mapping[str, Any], card: str, film: str | None
) -> Iterator[str]:
    yield f"# {title(contract)}"
    if film is not None:
        yield f"![An episode]({film})" if film.endswith(".gif") else f"[An episode]({film})"
    yield (
        f"A policy that sparserl trained, with {_live(contract)}. In {returns['num_episodes']} episodes it returned "
        f"{returns['mean']:.6g} on average, with a standard deviation of {returns['standard_deviation']:.4g}."
    )
    yield "## Files"
    yield (
        "`policy.safetensors` holds the weights, those of sparse layers by their places; `contract.json` says what "
        "each number of observations and actions means, how observations are normalized, which steps the network is, "
        "and how an action is chosen. Both are read without sparserl: `docs/deploy.md` in its repository has a reader "
        "of a few lines in NumPy."
    )
    code = ("from huggingface_hub import snapshot_download", "", f'folder = snapshot_download("{name or PLACEHOLDER}")')
    yield "\n".join(("```python", *code, "```"))
    if card:
        yield _one_level_down(card).strip()


def _live(contract: Mapping[str, Any]) -> str:
    weights, live = (sum(layer[key] for layer in contract["layers"]) for key in ("weights", "live_weights"))
    return f"{live:,} of {weights:,} weights alive" if live < weights else f"{weights:,} weights"


def _one_level_down(markdown: str) -> str:
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in markdown.splitlines())


def _as_tag(text: str) -> str:
    """Colons and slashes mean something in tags of the hub."""
    return text.replace(":", "-").replace("/", "-")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A number that is one for YAML 1.1, too, which wants a point before an exponent."""
    mantissa, e, exponent = repr(float(value)).partition("e")
    return f"{mantissa}{e and ('' if '.' in mantissa else '.0') + e}{exponent}"
