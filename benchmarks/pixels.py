"""One gradient update of the Nature CNN or the ResNet on pixels: ours beside PyTorch's, each in a process of its own.

    .venv/bin/python benchmarks/pixels.py cnn|resnet --peer benchmarks/.venv/bin/python [--rounds 5] [--json]

Equal work for all: 32 images of 84 x 84 x 4, uint8; the target's values of the next images; Huber loss; gradients of
all weights; Adam. Paddings are those of the published code, 9 actions. One thread. Ours runs in a loop, as in training:
dense, masked at 90 % (ERK, static), and with the large dense layer compressed. Processes take turns, `--rounds` times;
a process tells the median over its updates, in seconds of its processor too, which count on a machine that others use.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

BATCH_SIZE, NUM_ACTIONS, SPARSITY = 32, 9, 0.9
OURS = ("dense", "masked", "compressed")
ONE_THREAD = {"NPROC": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
Update = Callable[[], None]


def of_torch(network: str) -> Update:
    """An update in PyTorch."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)

    class Residual(nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.first, self.second = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

        def forward(self, x: Any) -> Any:
            return x + self.second(functional.relu(self.first(functional.relu(x))))

    def stack(inputs: int, outputs: int, side: int) -> list[nn.Module]:
        pad = nn.ZeroPad2d((0, 1, 0, 1) if side % 2 == 0 else 1)
        pad.value = -torch.inf
        return [nn.Conv2d(inputs, outputs, 3, padding=1), pad, nn.MaxPool2d(3, 2), Residual(outputs), Residual(outputs)]

    def make() -> nn.Module:
        if network == "cnn":
            layers = [nn.ZeroPad2d(2), nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.ZeroPad2d((1, 2, 1, 2))]
            layers += [nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1)]
        else:
            layers = [*stack(4, 32, 84), *stack(32, 64, 42), *stack(64, 64, 21)]
        head = [nn.ReLU(), nn.Flatten(), nn.Linear(7744, 512), nn.ReLU(), nn.Linear(512, NUM_ACTIONS)]
        return nn.Sequential(*layers, *head)

    online, target = make(), make()
    adam = torch.optim.Adam(online.parameters(), 1e-4)
    images, after = (torch.randint(0, 256, (BATCH_SIZE, 4, 84, 84), dtype=torch.uint8) for _ in range(2))
    actions, rewards = torch.randint(0, NUM_ACTIONS, (BATCH_SIZE, 1)), torch.randn(BATCH_SIZE)

    def update() -> None:
        with torch.no_grad():
            aims = rewards + 0.99 * target(after.float() / 255).max(1).values
        values = online(images.float() / 255).gather(1, actions)[:, 0]
        loss = functional.smooth_l1_loss(values, aims)
        adam.zero_grad()
        loss.backward()
        adam.step()

    return update


def of_ours(network: str, variant: str) -> Update:
    """An update of ours, in a loop of one."""
    import jax
    import jax.numpy as jnp
    import optax

    from sparserl.networks import CNNSettings, ResNetSettings, make
    from sparserl.sparsity import SparseOptimizer, erk
    from sparserl.sparsity.methods import Dense, Static

    q = make(CNNSettings() if network == "cnn" else ResNetSettings(), (84, 84, 4), NUM_ACTIONS)
    sparsities = {f"q/{layer}": value for layer, value in erk(q.layer_shapes, SPARSITY).items()}
    packed = {"q/hidden_1": 1.0} if variant == "compressed" else {}
    method = Dense() if variant == "dense" else Static()
    optimizer = SparseOptimizer(optax.adam(1e-4), method, sparsities, 1_000_000, break_even=packed)
    keys = jax.random.split(jax.random.key(0), 6)
    images, after = (jax.random.randint(key, (BATCH_SIZE, 84, 84, 4), 0, 256).astype(jnp.uint8) for key in keys[:2])
    actions = jax.random.randint(keys[2], (BATCH_SIZE, 1), 0, NUM_ACTIONS)
    rewards = jax.random.normal(keys[3], (BATCH_SIZE,))

    def step(number: Any, carry: Any) -> Any:
        (group, images, after), _ = carry
        aims = rewards + 0.99 * q.apply(group.target_params["q"], after).max(1)

        def loss(params: Any) -> Any:
            values = jnp.take_along_axis(q.apply(params["q"], images), actions, 1)[:, 0]
            return optax.huber_loss(values, aims).mean(), jnp.float32(0.0)

        group, _ = optimizer.minimize(keys[4], number, loss, group)
        return (group, after, images), aims.sum()  # images change, so that nothing can be taken out of the loop

    advance = jax.jit(lambda number, carry: jax.lax.fori_loop(number, number + 1, step, carry), donate_argnums=1)
    group = optimizer.init(keys[5], {"q": q.init(keys[4])}, with_target=True)
    carry = jax.tree.map(jnp.copy, ((group, images, after), jnp.float32(0.0)))
    number = 1

    def update() -> None:
        nonlocal carry, number
        carry, number = jax.block_until_ready(advance(number, carry)), number + 1

    return update


def timed(update: Update, num_updates: int) -> dict[str, float]:
    """Median seconds of an update, by the clock and by the processor, once all is compiled."""
    for _ in range(3):
        update()
    marks = [(time.perf_counter(), time.process_time())]
    for _ in range(num_updates):
        update()
        marks.append((time.perf_counter(), time.process_time()))
    median = lambda column: statistics.median(b[column] - a[column] for a, b in itertools.pairwise(marks))
    return {"seconds": median(0), "processor_seconds": median(1)}


def measure(options: argparse.Namespace) -> list[dict[str, Any]]:
    """One row for each candidate: medians over rounds, in which all take turns."""
    pythons = dict.fromkeys(OURS, sys.executable) | ({"torch": options.peer} if options.peer else {})
    found: dict[str, list[dict[str, float]]] = {variant: [] for variant in pythons}
    for _ in range(options.rounds):
        for variant, python in pythons.items():
            command = [python, __file__, options.network, "--only", variant, "--updates", str(options.updates)]
            output = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ | ONE_THREAD)
            found[variant].append(json.loads(output.stdout))
            print(variant, output.stdout.strip(), file=sys.stderr, flush=True)
    names = ("seconds", "processor_seconds")
    middle = lambda rows: {name: statistics.median(row[name] for row in rows) for name in names}
    return [{"network": options.network, "variant": variant, **middle(rows)} for variant, rows in found.items()]


def main() -> None:
    """Measure, and print ratios first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=("cnn", "resnet"))
    parser.add_argument("--peer", help="the Python of an environment with torch; none: ours only")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=20, help="of each process")
    parser.add_argument("--only", choices=(*OURS, "torch"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.only:
        update = of_torch(options.network) if options.only == "torch" else of_ours(options.network, options.only)
        print(json.dumps(timed(update, options.updates)))
        return
    rows = measure(options)
    if options.json:
        print(json.dumps({"rows": rows}, indent=2))
        return
    base = rows[-1] if options.peer else rows[0]
    print(f"times as fast as {base['variant']}, by the processor's seconds and by the clock's; then milliseconds")
    for row in rows:
        ratios = [base[name] / row[name] for name in ("processor_seconds", "seconds")]
        times = [1e3 * row[name] for name in ("processor_seconds", "seconds")]
        print(f"{row['variant']:<12}" + "".join(f"{x:8.2f}" for x in ratios) + "".join(f"{x:9.1f}" for x in times))


if __name__ == "__main__":
    main()
