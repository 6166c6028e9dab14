"""Libraries: the four works of a layer in XLA, dense and masked, ours, JAX's BCSR and BCOO, SciPy, and PyTorch.

The works are `kernel_product`, kernel^T x; `kernel_transposed_product`, kernel dy; `kernel_sampled_product`, the
entries of x dy^T at the live weights; and `kernel_layer`, relu(kernel^T x + bias) and the gradients of kernel, bias
and x. Each library gets activations in the layout that it is fastest with: XLA `[batch, features]`, all others
`[features, batch]`. A library without an operation has no entry for it.
"""

import functools
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import sparse

from sparserl import linalg
from sparserl.bench.measuring import Run, looped
from sparserl.bench.problem import Problem
from sparserl.linalg import Compressed, Layer


class Calculation(NamedTuple):
    """One work in one library: `function(*operands)`; `traced` where it can run in a compiled loop."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]
    traced: bool = True


Works = Mapping[str, Calculation]


def calculations(problem: Problem) -> dict[str, Works]:
    """All works of one problem, by library; dense comes first."""
    return {name: library(problem) for name, library in available().items()}


def running(calculation: Calculation) -> Run:
    """A run of a calculation: one compiled loop if it can be traced, otherwise one call after another."""
    function, operands, traced = calculation
    if traced:
        return looped(function, *operands)

    def run(count: int) -> None:
        for _ in range(count):
            function(*operands)

    return run


def notes() -> list[str]:
    """What is not measured and why, one line each."""
    lines = ["scipy_csr has no sampled product and no gradients: rows of x and dy are gathered and summed for them"]
    if reason := linalg.unavailable_reason():
        lines.append(f"ours: not measured, because {reason}")
    absent = [name for name, module in _FOREIGN.items() if importlib.util.find_spec(module) is None]
    return lines + [f"{name}: not measured, because {_FOREIGN[name]} is not installed" for name in absent]


def available() -> Mapping[str, Callable[[Problem], Works]]:
    """The libraries that can be measured here."""
    absent = {name for name, module in _FOREIGN.items() if importlib.util.find_spec(module) is None}
    if linalg.unavailable_reason():
        absent.add("ours")
    return {name: library for name, library in _LIBRARIES.items() if name not in absent}


def _dense(problem: Problem) -> Works:
    kernel, _, bias, x, dy = map(jnp.asarray, problem)
    layer = lambda kernel, bias, x: linalg.feed_forward([Layer(kernel, bias, jax.nn.relu)], x)
    return {
        "kernel_product": Calculation(lambda kernel, x: x @ kernel, (kernel, x.T)),
        "kernel_transposed_product": Calculation(lambda kernel, dy: dy @ kernel.T, (kernel, dy.T)),
        "kernel_sampled_product": Calculation(lambda x, dy: x.T @ dy, (x.T, dy.T)),
        "kernel_layer": Calculation(functools.partial(_with_gradients, layer), (dy.T, kernel, bias, x.T)),
    }


def _masked(problem: Problem) -> Works:
    kernel, mask, bias, x, dy = map(jnp.asarray, problem)
    live = lambda mask, kernel: jnp.where(mask, kernel, 0)

    def layer_with_gradients(mask: Any, dy: Any, kernel: Any, bias: Any, x: Any) -> Any:
        layer = lambda kernel, bias, x: linalg.feed_forward([Layer(live(mask, kernel), bias, jax.nn.relu)], x)
        return _with_gradients(layer, dy, kernel, bias, x)

    return {
        "kernel_product": Calculation(lambda m, kernel, x: x @ live(m, kernel), (mask, kernel, x.T)),
        "kernel_transposed_product": Calculation(lambda m, kernel, dy: dy @ live(m, kernel).T, (mask, kernel, dy.T)),
        "kernel_sampled_product": Calculation(lambda m, x, dy: live(m, x.T @ dy), (mask, x.T, dy.T)),
        "kernel_layer": Calculation(layer_with_gradients, (mask, dy.T, kernel, bias, x.T)),
    }


def _ours(problem: Problem) -> Works:
    dense, mask, bias, x, dy = map(jnp.asarray, problem)
    layout = linalg.layout_of(mask, int(problem.mask.sum()))
    kernel = Compressed(linalg.gather(layout, dense), layout)

    def layer_with_gradients(kernel: Compressed, dy: Any, bias: Any, x: Any) -> Any:
        layer = lambda values, bias, x: linalg.dense(Compressed(values, kernel.layout), bias, x, jax.nn.relu)
        return _with_gradients(layer, dy, kernel.values, bias, x)

    def sampled(kernel: Compressed, dy: Any, x: Any) -> Any:
        product = lambda values: linalg.matmul(Compressed(values, kernel.layout), x)
        return jax.vjp(product, kernel.values)[1](dy)

    def transposed(kernel: Compressed, dy: Any) -> Any:
        product = lambda x: linalg.matmul(kernel, x)
        return jax.vjp(product, jnp.zeros((kernel.shape[0], dy.shape[1])))[1](dy)  # XLA leaves out the product itself

    return {
        "kernel_product": Calculation(linalg.matmul, (kernel, x)),
        "kernel_transposed_product": Calculation(transposed, (kernel, dy)),
        "kernel_sampled_product": Calculation(sampled, (kernel, dy, x)),
        "kernel_layer": Calculation(layer_with_gradients, (kernel, dy, bias, x)),
    }


def _bcsr(problem: Problem) -> Works:
    dense, _, bias, x, dy = map(jnp.asarray, problem)
    transposed, kernel = sparse.BCSR.fromdense(dense.T), sparse.BCSR.fromdense(dense)

    def layer_with_gradients(matrix: sparse.BCSR, dy: Any, bias: Any, x: Any) -> Any:
        of = lambda data: sparse.BCSR((data, matrix.indices, matrix.indptr), shape=matrix.shape)
        layer = lambda data, bias, x: jax.nn.relu(of(data) @ x + jnp.expand_dims(bias, 1))
        return _with_gradients(layer, dy, matrix.data, bias, x)

    def sampled(matrix: sparse.BCSR, dy: Any, x: Any) -> Any:
        product = lambda data: sparse.BCSR((data, matrix.indices, matrix.indptr), shape=matrix.shape) @ x
        return jax.vjp(product, matrix.data)[1](dy)

    return {
        "kernel_product": Calculation(lambda matrix, x: matrix @ x, (transposed, x)),
        "kernel_transposed_product": Calculation(lambda matrix, dy: matrix @ dy, (kernel, dy)),
        "kernel_sampled_product": Calculation(sampled, (transposed, dy, x)),
        "kernel_layer": Calculation(layer_with_gradients, (transposed, dy, bias, x)),
    }


def _bcoo(problem: Problem) -> Works:
    dense, _, bias, x, dy = map(jnp.asarray, problem)
    transposed, kernel = sparse.BCOO.fromdense(dense.T), sparse.BCOO.fromdense(dense)

    def layer_with_gradients(matrix: sparse.BCOO, dy: Any, bias: Any, x: Any) -> Any:
        of = lambda data: sparse.BCOO(
            (data, matrix.indices), shape=matrix.shape, indices_sorted=True, unique_indices=True
        )
        layer = lambda data, bias, x: jax.nn.relu(of(data) @ x + jnp.expand_dims(bias, 1))
        return _with_gradients(layer, dy, matrix.data, bias, x)

    over_batch = (((1,), (1,)), ((), ()))
    sampled = lambda indices, x, dy: sparse.bcoo_dot_general_sampled(x, dy, indices, dimension_numbers=over_batch)
    return {
        "kernel_product": Calculation(lambda matrix, x: matrix @ x, (transposed, x)),
        "kernel_transposed_product": Calculation(lambda matrix, dy: matrix @ dy, (kernel, dy)),
        "kernel_sampled_product": Calculation(sampled, (kernel.indices, x, dy)),
        "kernel_layer": Calculation(layer_with_gradients, (transposed, dy, bias, x)),
    }


def _scipy_csr(problem: Problem) -> Works:
    csr_array = importlib.import_module("scipy.sparse").csr_array
    transposed, kernel = csr_array(problem.kernel.T), csr_array(problem.kernel)
    rows, columns = problem.mask.nonzero()  # in the order of the values of `kernel`

    def sampled(x: Any, dy: Any) -> Any:
        return np.einsum("nb,nb->n", x[rows], dy[columns])

    def layer_with_gradients(x: Any, dy: Any) -> Any:
        y = np.maximum(transposed @ x + problem.bias[:, None], 0)
        slope = dy * (y > 0)
        return y, sampled(x, slope), slope.sum(1), kernel @ slope

    return {
        "kernel_product": Calculation(transposed.__matmul__, (problem.x,), traced=False),
        "kernel_transposed_product": Calculation(kernel.__matmul__, (problem.dy,), traced=False),
        "kernel_sampled_product": Calculation(sampled, (problem.x, problem.dy), traced=False),
        "kernel_layer": Calculation(layer_with_gradients, (problem.x, problem.dy), traced=False),
    }


def _torch_csr(problem: Problem) -> Works:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    _, _, bias, x, dy = map(torch.from_numpy, problem)
    with warnings.catch_warnings():  # PyTorch warns that CSR is in beta
        warnings.simplefilter("ignore")
        transposed = torch.from_numpy(problem.kernel.T.copy()).to_sparse_csr()
        kernel = torch.from_numpy(problem.kernel).to_sparse_csr()
    sampled = lambda x, dy: torch.sparse.sampled_addmm(kernel, x, dy.T, beta=0.0)  # the kernel only says where

    def layer_with_gradients(x: Any, dy: Any) -> Any:
        y = torch.relu(torch.addmm(bias[:, None], transposed, x))
        slope = dy * (y > 0)
        return y, sampled(x, slope), slope.sum(1), kernel @ slope

    return {
        "kernel_product": Calculation(transposed.__matmul__, (x,), traced=False),
        "kernel_transposed_product": Calculation(kernel.__matmul__, (dy,), traced=False),
        "kernel_sampled_product": Calculation(sampled, (x, dy), traced=False),
        "kernel_layer": Calculation(layer_with_gradients, (x, dy), traced=False),
    }


def _with_gradients(layer: Callable[..., Any], dy: Any, *operands: Any) -> Any:
    y, pull = jax.vjp(layer, *operands)
    return y, pull(dy)


_FOREIGN = {"scipy_csr": "scipy", "torch_csr": "torch"}
_LIBRARIES: Mapping[str, Callable[[Problem], Works]] = {
    "dense": _dense,
    "masked": _masked,
    "ours": _ours,
    "bcsr": _bcsr,
    "bcoo": _bcoo,
    "scipy_csr": _scipy_csr,
    "torch_csr": _torch_csr,
}
