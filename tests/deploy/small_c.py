"""A policy and a writer of it, by hand: what costs are counted of, without the writer that is exported."""

import numpy as np

from sparserl.deploy.contract import Actions, Contract, Observations, Timing
from sparserl.deploy.policy import Policy
from sparserl.deploy.steps import Dense

PREFIX = "sparserl_policy"
HEADER = f"void {PREFIX}_act(const float *observation, float *action);\n"


def policy(live_weights, num_inputs=64):
    """One layer with one unit, whose first weights are alive."""
    kernel = np.zeros((num_inputs, 1), np.float32)
    kernel[:live_weights] = 0.5
    bounds = np.ones(1, np.float32)
    contract = Contract(Observations((num_inputs,)), Actions("continuous", "mean", shape=(1,)), Timing("Test-v0"))
    layer = Dense("output", kernel, np.zeros(1, np.float32), None, kernel != 0)
    return Policy(contract, (layer,), "mean", None, 1.0, -bounds, bounds)


def write(policy, folder):
    """Live weights in a table and a loop over them: so many instructions, and bytes, for each."""
    weights = [float(weight) for weight in policy.steps[0].kernel.ravel() if weight]
    table = ", ".join(f"{weight!r}f" for weight in weights)
    body = f"""#include "{PREFIX}.h"
    static const float weights[{len(weights)}] = {{{table}}};
    void {PREFIX}_act(const float *observation, float *action)
    {{
        int i;
        float sum = 0.0f;
        for (i = 0; i < {len(weights)}; i++) sum += weights[i] * observation[i];
        *action = sum;
    }}
    """
    (folder / f"{PREFIX}.h").write_text(HEADER)
    (folder / f"{PREFIX}.c").write_text(body)
    return folder / f"{PREFIX}.c"
