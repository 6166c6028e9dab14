"""PPO in the style of PureJaxRL and Rejax: one function is a whole training, and `jit(vmap(train))` trains many seeds.

    python examples/ppo_jit_vmap.py                                     RigL at 90 % on CartPole-v1, 8 seeds
    python examples/ppo_jit_vmap.py --methods dense rigl set static prune
    python examples/ppo_jit_vmap.py --learning-rates 1e-4 2.5e-4 1e-3 --seeds 4     twelve trainings in one program

`sparserl.sparsify` around the optimizer makes the networks sparse, and nothing else of the loop knows of it. Each seed
has a topology of its own. `--output` gets rows.csv, one row for each evaluation, and curves.png. It needs `pip install
sparserl flax` and, for eight seeds with one method, about a minute on one core of a CPU.
"""

import argparse
import csv
import pathlib
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax

try:
    import flax.linen as nn
    from flax.training.train_state import TrainState
except ModuleNotFoundError:
    sys.exit("ppo_jit_vmap: it needs flax: pip install flax")

import sparserl
from sparserl.environments import ClassicEnvironment
from sparserl.types import Discrete, UserError

NUM_ENVS, ROLLOUT_STEPS, NUM_EPOCHS, NUM_MINIBATCHES = 4, 128, 4, 4
STEPS_PER_UPDATE = NUM_ENVS * ROLLOUT_STEPS
DISCOUNT, TRACE_DECAY, CLIP_RANGE, ENTROPY_WEIGHT, VALUE_WEIGHT = 0.99, 0.95, 0.2, 0.01, 0.5
HIDDEN_UNITS, MAX_GRADIENT_NORM = 64, 0.5
NUM_EVALUATIONS, EVALUATION_EPISODES = 25, 16
NEVER_MOVE = ("dense", "static", "snip")  # methods whose topology does not change, and which have no window for it


class ActorCritic(nn.Module):
    """Logits `[..., action]` and values `[...]` of observations `[..., feature]`, from two networks."""

    num_actions: int

    @nn.compact
    def __call__(self, observation: jax.Array) -> tuple[jax.Array, jax.Array]:
        def perceptron(name: str, num_outputs: int, output_scale: float) -> jax.Array:
            x, scaled = observation, nn.initializers.orthogonal
            for i in (1, 2):
                x = jnp.tanh(nn.Dense(HIDDEN_UNITS, kernel_init=scaled(2**0.5), name=f"{name}_hidden_{i}")(x))
            return nn.Dense(num_outputs, kernel_init=scaled(output_scale), name=f"{name}_output")(x)

        return perceptron("actor", self.num_actions, 0.01), perceptron("critic", 1, 1.0)[..., 0]


class Step(NamedTuple):
    """One step of all environments, as PPO learns from it; `ended`: no later reward is of the same episode."""

    observation: jax.Array
    action: jax.Array
    log_probability: jax.Array
    value: jax.Array
    reward: jax.Array
    ended: jax.Array


def make_optimizer(method: str, sparsity: float, learning_rate: Any, total_updates: int) -> Any:
    """Adam with clipped gradients and a rate that falls to zero, made sparse. The rate may be a traced number."""
    rate = lambda count: learning_rate * (1.0 - count / total_updates)
    adam = optax.chain(optax.clip_by_global_norm(MAX_GRADIENT_NORM), optax.adam(rate, eps=1e-5))
    window = {} if method in NEVER_MOVE else {"interval_updates": max(1, total_updates // 100)}
    return sparserl.sparsify(adam, method, sparsity=sparsity, total_updates=total_updates, **window)


def make_train(method: str, sparsity: float, num_steps: int, task: str) -> Callable[[jax.Array, Any], Any]:
    """The function `train(key, learning_rate)`, from nothing to a trained network."""
    environment, judge = ClassicEnvironment(task, NUM_ENVS), ClassicEnvironment(task, EVALUATION_EPISODES)
    if not isinstance(environment.spec.action, Discrete):
        raise UserError("its actions are not discrete", field="environment", value=task)
    network = ActorCritic(environment.spec.action.num_actions)
    rollouts = steps_between(num_steps) // STEPS_PER_UPDATE  # between two evaluations
    total_updates = NUM_EVALUATIONS * rollouts * NUM_EPOCHS * NUM_MINIBATCHES
    make_optimizer(method, sparsity, 1e-3, total_updates)  # what does not fit is told before anything is compiled

    def begin(key: jax.Array, learning_rate: Any) -> tuple[TrainState, Any, jax.Array]:
        """A network that is sparse from its first rollout on, and environments."""
        params_key, env_key = jax.random.split(key)
        env_state, observation = environment.reset(env_key)
        params = network.init(params_key, observation)
        optimizer = make_optimizer(method, sparsity, learning_rate, total_updates)
        state = TrainState.create(apply_fn=network.apply, params=params, tx=optimizer)
        return state.replace(params=sparserl.born_sparse(params, state)), env_state, observation

    def learn(carry: tuple[TrainState, Any, jax.Array], key: jax.Array) -> tuple[Any, None]:
        """One rollout, and the updates from it."""
        state, env_state, observation = carry
        act_key, order_key = jax.random.split(key)

        def act(carry: tuple[Any, jax.Array], key: jax.Array) -> tuple[Any, Step]:
            env_state, observation = carry
            action_key, env_key = jax.random.split(key)
            logits, value = network.apply(state.params, observation)
            action = jax.random.categorical(action_key, logits)
            env_state, after = environment.step(env_key, env_state, action)
            # Where only time ran out, the value of what would have come stands for later rewards.
            _, beyond = network.apply(state.params, after.next_observation)
            reward = after.reward + DISCOUNT * beyond * (after.truncated & ~after.terminated)
            ended = after.terminated | after.truncated
            step = Step(observation, action, log_probability(logits, action), value, reward, ended)
            return (env_state, after.observation), step

        (env_state, observation), rollout = jax.lax.scan(
            act, (env_state, observation), jax.random.split(act_key, ROLLOUT_STEPS)
        )
        _, last_value = network.apply(state.params, observation)
        data = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), (rollout, advantages(rollout, last_value)))
        orders = jax.vmap(lambda key: jax.random.permutation(key, STEPS_PER_UPDATE))(
            jax.random.split(order_key, NUM_EPOCHS)
        )
        minimize = lambda state, order: (minimized(state, *jax.tree.map(lambda x: x[order], data)), None)
        state, _ = jax.lax.scan(minimize, state, orders.reshape(NUM_EPOCHS * NUM_MINIBATCHES, -1))
        return (state, env_state, observation), None

    def evaluate(params: Any, key: jax.Array) -> jax.Array:
        """The mean return of whole episodes with the most probable actions."""

        def step(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            env_state, observation, alive = carry
            logits, _ = network.apply(params, observation)
            env_state, after = judge.step(key, env_state, jnp.argmax(logits, axis=-1))
            return (env_state, after.observation, alive & ~(after.terminated | after.truncated)), after.reward * alive

        reset_key, steps_key = jax.random.split(key)
        start = *judge.reset(reset_key), jnp.ones(EVALUATION_EPISODES, bool)
        _, rewards = jax.lax.scan(step, start, jax.random.split(steps_key, judge.spec.time_limit_steps))
        return rewards.sum(0).mean()

    def train(key: jax.Array, learning_rate: Any) -> tuple[Any, jax.Array]:
        """The last parameters and state, and the mean return of each evaluation, which is a part of the program."""

        def stretch(carry: Any, key: jax.Array) -> tuple[Any, jax.Array]:
            learn_key, evaluation_key = jax.random.split(key)
            carry, _ = jax.lax.scan(learn, carry, jax.random.split(learn_key, rollouts))
            return carry, evaluate(carry[0].params, evaluation_key)

        begin_key, train_key = jax.random.split(key)
        carry = begin(begin_key, learning_rate)
        (state, *_), returns = jax.lax.scan(stretch, carry, jax.random.split(train_key, NUM_EVALUATIONS))
        return (state.params, state.opt_state), returns

    return train


def steps_between(num_steps: int) -> int:
    """Environment steps from one evaluation to the next, whole rollouts."""
    return -(-num_steps // (STEPS_PER_UPDATE * NUM_EVALUATIONS)) * STEPS_PER_UPDATE


def minimized(state: TrainState, step: Step, advantage: jax.Array) -> TrainState:
    """One gradient step, written as it would be without sparsity."""
    return state.apply_gradients(grads=jax.grad(loss)(state.params, state.apply_fn, step, advantage))


def loss(params: Any, apply: Callable[..., Any], step: Step, advantage: jax.Array) -> jax.Array:
    """The clipped objective of Schulman et al. 2017, equation 9; the change of the value is clipped alike."""
    logits, value = apply(params, step.observation)
    ratio = jnp.exp(log_probability(logits, step.action) - step.log_probability)
    scaled = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    gain = jnp.minimum(ratio * scaled, jnp.clip(ratio, 1 - CLIP_RANGE, 1 + CLIP_RANGE) * scaled).mean()
    target = step.value + advantage
    near = step.value + jnp.clip(value - step.value, -CLIP_RANGE, CLIP_RANGE)
    error = 0.5 * jnp.maximum((value - target) ** 2, (near - target) ** 2).mean()
    entropy = -(nn.softmax(logits) * nn.log_softmax(logits)).sum(-1).mean()
    return VALUE_WEIGHT * error - gain - ENTROPY_WEIGHT * entropy


def log_probability(logits: jax.Array, action: jax.Array) -> jax.Array:
    """Of the action that was taken."""
    return jnp.take_along_axis(nn.log_softmax(logits), action[..., None], axis=-1)[..., 0]


def advantages(rollout: Step, last_value: jax.Array) -> jax.Array:
    """Generalized advantage estimates `[step, env]`. Schulman et al. 2016, equation 16."""

    def back(carry: tuple[jax.Array, jax.Array], step: Step) -> tuple[Any, jax.Array]:
        later, next_value = carry
        surprise = step.reward + DISCOUNT * next_value * ~step.ended - step.value
        advantage = surprise + DISCOUNT * TRACE_DECAY * later * ~step.ended
        return (advantage, step.value), advantage

    return jax.lax.scan(back, (jnp.zeros_like(last_value), last_value), rollout, reverse=True)[1]


def train_all(options: argparse.Namespace, method: str) -> tuple[Any, np.ndarray]:
    """All learning rates and seeds in one program: parameters, states and returns `[rate, seed, ...]`."""
    train = make_train(method, options.sparsity, options.steps, options.environment)
    of_rates = jax.vmap(jax.vmap(train, in_axes=(0, None)), in_axes=(None, 0))
    keys = jax.random.split(jax.random.key(options.first_key), options.seeds)
    trained, returns = jax.jit(of_rates)(keys, jnp.asarray(options.learning_rates, jnp.float32))
    return trained, np.asarray(returns)


def write(options: argparse.Namespace, returns: dict[str, np.ndarray]) -> None:
    """All evaluations as rows, and a figure: the mean of each method over its seeds, and each seed as a thin line."""
    steps = steps_between(options.steps) * np.arange(1, NUM_EVALUATIONS + 1)
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    rows = []
    for method, of_method in returns.items():
        sparsity = 0.0 if method == "dense" else options.sparsity
        for rate, of_rate in zip(options.learning_rates, of_method, strict=True):
            name = f"{method} {sparsity:.0%}" if sparsity else method
            name += f", learning rate {rate:g}" if len(options.learning_rates) > 1 else ""
            [line] = axes.plot(steps, of_rate.mean(0), linewidth=2, label=name)
            axes.plot(steps, of_rate.T, linewidth=0.7, alpha=0.25, color=line.get_color())
            for (seed, number), mean_return in np.ndenumerate(of_rate):
                rows.append([options.environment, method, sparsity, rate, seed, steps[number], f"{mean_return:.3f}"])
    axes.set(
        xlabel="environment steps", ylabel="mean return", title=f"PPO on {options.environment}, {options.seeds} seeds"
    )
    axes.legend(frameon=False)
    figure.savefig(options.output / "curves.png", dpi=150)
    plt.close(figure)
    with (options.output / "rows.csv").open("w", newline="") as file:
        header = ["environment", "method", "sparsity", "learning_rate", "seed", "steps", "mean_return"]
        csv.writer(file).writerows([header, *rows])


def parsed(words: list[str] | None) -> argparse.Namespace:
    """The options; a mistake is told in one line, before anything is computed, with exit status 2."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=["rigl"], help="as in `sparserl methods`; dense for plain PPO")
    parser.add_argument("--sparsity", type=float, default=0.9, help="fraction of the weights that are zero")
    parser.add_argument("--environment", default="CartPole-v1", help="or Acrobot-v1, MountainCar-v0")
    parser.add_argument("--steps", type=int, default=500_000, help="of each seed, in all of its environments together")
    parser.add_argument("--seeds", type=int, default=8, help="how many there are of each method and learning rate")
    parser.add_argument("--first-key", type=int, default=0, help="from which the keys of the seeds are split")
    parser.add_argument("--learning-rates", type=float, nargs="+", default=[2.5e-4], help="all of them at once")
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("ppo_jit_vmap"), help="a folder")
    tell = lambda message: parser.exit(2, f"ppo_jit_vmap: {message}\n")
    parser.error = tell  # type: ignore[method-assign]  # without the usage, which has several lines
    options = parser.parse_args(words)
    try:
        for name in ("steps", "seeds"):
            if getattr(options, name) < 1:
                raise UserError("it must be at least 1", field=name, value=getattr(options, name))
        if not 0 <= options.first_key < 2**32:
            raise UserError("it must be at least 0 and below 2**32", field="first-key", value=options.first_key)
        for rate in options.learning_rates:
            if not 0 < rate < float("inf"):
                raise UserError("it must be a number greater than 0", field="learning-rates", value=rate)
        for method in options.methods:
            make_train(method, options.sparsity, options.steps, options.environment)
        options.output.mkdir(parents=True, exist_ok=True)
    except (UserError, OSError) as error:
        tell(str(error))
    return options


def main(words: list[str] | None = None) -> None:
    """Train with each method, and keep what was seen after each."""
    options = parsed(words)
    returns: dict[str, np.ndarray] = {}
    for method in options.methods:
        (_, state), returns[method] = train_all(options, method)
        write(options, returns)
        print(sparserl.summary(state))
        print(f"mean returns at the end: {np.round(returns[method][..., -1], 1).tolist()}\n", flush=True)


if __name__ == "__main__":
    main()
