"""Products of kernels with activations, `[features, batch]`, and their gradients; one entry point for all storages."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from sparserl.linalg import native
from sparserl.linalg.compressed import Compressed, all_live
from sparserl.linalg.layout import Layout, layout_shapes
from sparserl.types import Array

THIN = 64  # inputs, or outputs, up to which a dense kernel takes natively 0.7 to 1.05 of XLA's time (measured)

Activation = Callable[[jax.Array], jax.Array]
Residuals = Any


class Layer(NamedTuple):
    """What a layer computes with: `activation(kernel^T x + bias)`."""

    kernel: Array | Compressed
    bias: Array
    activation: Activation | None = None


def dense(kernel: Array | Compressed, bias: Array, x: Array, activation: Activation | None = None) -> jax.Array:
    """A layer: `activation(kernel^T x + bias)`, from `[in, batch]` to `[out, batch]`.

    kernel: `[in, out]`, a dense array or compressed; bias: `[out]`. A compressed kernel runs natively, with
    `jax.nn.relu` fused, and its gradients exist for the live weights only. Raises ValueError where shapes do not fit,
    or what a compressed kernel is given is not float32.
    """
    if isinstance(kernel, Compressed):
        fused = activation is jax.nn.relu
        y = _layer(fused, kernel.values, kernel.layout, bias, x)
        return y if fused or activation is None else activation(y)
    y = jnp.matmul(kernel.T, x) + jnp.expand_dims(bias, 1)
    return y if activation is None else activation(y)


def feed_forward(layers: Sequence[Layer], x: Array) -> jax.Array:
    """All layers in turn, from `[batch, in]` to `[batch, out]`.

    Compressed kernels need the batch as the contiguous axis; where all are dense, the other way is faster in XLA.
    """
    layers = as_computed(layers)
    if any(isinstance(layer.kernel, Compressed) for layer in layers):
        x = x.T
        for kernel, bias, activation in layers:
            x = dense(kernel, bias, x, activation)
        return jnp.asarray(x.T)
    for kernel, bias, activation in layers:
        assert not isinstance(kernel, Compressed)
        y = jnp.matmul(x, kernel) + jnp.expand_dims(bias, 0)
        x = y if activation is None else activation(y)
    return jnp.asarray(x)


def as_computed(layers: Sequence[Layer]) -> list[Layer]:
    """The layers as `feed_forward` computes them: a dense first layer of few inputs is native where later ones are.

    Its gradient with respect to x is never needed, and XLA is slow at that of its kernel alone: 100 us for 6 inputs,
    512 outputs and a batch of 128, where native code takes 8.
    """
    first, *others = layers
    native = any(isinstance(layer.kernel, Compressed) for layer in others)
    if native and not isinstance(first.kernel, Compressed) and first.kernel.shape[0] <= THIN:
        first = first._replace(kernel=all_live(first.kernel))
    return [first, *others]


def matmul(kernel: Array | Compressed, x: Array) -> jax.Array:
    """`kernel^T x`, from `[in, batch]` to `[out, batch]`, for a dense or compressed kernel `[in, out]`."""
    if isinstance(kernel, Compressed):
        return _layer(False, kernel.values, kernel.layout, jnp.zeros(kernel.shape[1], x.dtype), x)
    return jnp.matmul(kernel.T, x)


def left_product(kernel: Compressed, x: Array) -> jax.Array:
    """`kernel x`, from `[out, batch]` to `[in, batch]`, for a compressed kernel `[in, out]`."""
    return _left_product(kernel.values, kernel.layout, x)


def layout_of(mask: Array, capacity: int) -> Layout:
    """The layout of a mask, bool `[in, out]`, with room for `capacity` live weights; fails if there are more."""
    num_inputs, num_outputs = mask.shape
    leaves, structure = jax.tree.flatten(layout_shapes((num_inputs, num_outputs), capacity))
    arrays = native.call("sparserl_compress", leaves)(mask)
    layout: Layout = jax.tree.unflatten(structure, arrays)
    return layout


def select(ranks: Array, k: Array) -> jax.Array:
    """A mask over the `k` highest of `ranks`, uint32 of any shape; equal ones by lowest flat index; CPU only."""
    select = native.call("sparserl_select", jax.ShapeDtypeStruct((ranks.size,), bool))
    mask: jax.Array = select(ranks.ravel(), jnp.asarray(k, jnp.int32))
    return mask.reshape(ranks.shape)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _layer(relu: bool, values: Array, layout: Layout, bias: Array, x: Array) -> jax.Array:
    if x.ndim != 2 or x.shape[0] != layout.shape[0]:
        raise ValueError(f"x has shape {x.shape}: a kernel {layout.shape} takes [{layout.shape[0]}, batch]")
    if values.shape != (layout.capacity,):
        raise ValueError(f"values have shape {values.shape}: the layout has room for ({layout.capacity},)")
    if bias.shape != (layout.shape[1],):
        raise ValueError(f"bias has shape {bias.shape}: a kernel {layout.shape} needs ({layout.shape[1]},)")
    for name, array in (("values", values), ("bias", bias), ("x", x)):
        if array.dtype != jnp.float32:
            raise ValueError(f"{name} are {array.dtype}: a compressed kernel computes in float32")
    return _product(relu)(values, layout.inputs, layout.output_starts, bias, x)


def _layer_forward(relu: bool, values: Any, layout: Any, bias: Any, x: Any) -> tuple[jax.Array, Residuals]:
    """Only what is differentiated leaves residuals, so that the backward pass computes nothing that is not needed."""
    layout_value = jax.tree.map(lambda leaf: leaf.value, layout, is_leaf=lambda leaf: hasattr(leaf, "perturbed"))
    y = _layer(relu, values.value, layout_value, bias.value, x.value)
    weights_wanted = values.perturbed or bias.perturbed
    residuals = (
        layout_value,
        values.value if x.perturbed else None,
        x.value if weights_wanted else None,
        y if relu else None,
    )
    return y, residuals


def _layer_backward(relu: bool, residuals: Residuals, dy: Array) -> tuple[Any, ...]:
    layout, values, x, y = residuals
    if isinstance(dy, jax.custom_derivatives.SymbolicZero):
        return None, None, None, None
    above = y if relu else dy  # without relu the kernels do not read it, and take any array of this shape
    if x is None:
        g = jnp.where(y > 0, dy, 0) if relu else dy
        dx = _transposed_product(values, layout.outputs, layout.input_starts, layout.permutation, g)
        return None, None, None, dx
    if values is None:
        dvalues, dbias = _sampled_product(relu)(layout.inputs, layout.output_starts, dy, above, x)
        return dvalues, None, dbias, None
    indices = (layout.inputs, layout.output_starts, layout.outputs, layout.input_starts, layout.permutation)
    dvalues, dbias, dx = _gradients(relu)(values, *indices, dy, above, x)
    return dvalues, None, dbias, dx


_layer.defvjp(_layer_forward, _layer_backward, symbolic_zeros=True)


@jax.custom_vjp
def _left_product(values: Array, layout: Layout, x: Array) -> jax.Array:
    y: jax.Array = _transposed_product(values, layout.outputs, layout.input_starts, layout.permutation, x)
    return y


def _left_forward(values: Any, layout: Any, x: Any) -> tuple[jax.Array, Residuals]:
    layout_value = jax.tree.map(lambda leaf: leaf.value, layout, is_leaf=lambda leaf: hasattr(leaf, "perturbed"))
    residuals = (layout_value, values.value if x.perturbed else None, x.value if values.perturbed else None)
    return _left_product(values.value, layout_value, x.value), residuals


def _left_backward(residuals: Residuals, dy: Array) -> tuple[Any, ...]:
    layout, values, x = residuals
    if isinstance(dy, jax.custom_derivatives.SymbolicZero):
        return None, None, None
    dvalues = dx = None
    if x is not None:  # the sides change places: what came in stands where slopes of outputs are otherwise
        dvalues, _ = _sampled_product(False)(layout.inputs, layout.output_starts, x, x, dy)
    if values is not None:
        zeros = jnp.zeros(layout.shape[1], dy.dtype)
        dx = _product(False)(values, layout.inputs, layout.output_starts, zeros, dy)
    return dvalues, None, dx


_left_product.defvjp(_left_forward, _left_backward, symbolic_zeros=True)


def _over_batches(product: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Under `jax.vmap` over the activations alone, the last operand, fold the new axis into their batch axis.

    Any other batching is left to the native code, which takes leading axes of length 1 or n for each operand.
    """
    batched = jax.custom_batching.custom_vmap(product)

    @batched.def_vmap
    def rule(axis_size: int, in_batched: list[bool], *operands: Array) -> tuple[jax.Array, bool]:
        *kernel, x = operands
        if any(in_batched[:-1]):
            return jax.vmap(product, [0 if b else None for b in in_batched])(*operands), True
        folded = jnp.moveaxis(x, 0, 1).reshape(x.shape[1], axis_size * x.shape[2])
        y = batched(*kernel, folded)
        return jnp.moveaxis(y.reshape(y.shape[0], axis_size, x.shape[2]), 1, 0), True

    return batched


@functools.cache
def _product(relu: bool) -> Callable[..., jax.Array]:
    def product(values: Array, inputs: Array, output_starts: Array, bias: Array, x: Array) -> Any:
        call = native.call("sparserl_product", _floats(bias.shape[0], x.shape[1]))
        return call(values, inputs, output_starts, bias, x, relu=relu)

    return _over_batches(product)


@_over_batches
def _transposed_product(values: Array, outputs: Array, input_starts: Array, permutation: Array, g: Array) -> Any:
    call = native.call("sparserl_transposed_product", _floats(input_starts.shape[0] - 1, g.shape[1]))
    return call(values, outputs, input_starts, permutation, g)


def _sampled_product(relu: bool) -> Callable[..., Sequence[jax.Array]]:
    def product(inputs: Array, output_starts: Array, dy: Array, y: Array, x: Array) -> Any:
        call = native.call("sparserl_sampled_product", (_floats(*inputs.shape), _floats(dy.shape[0])))
        return call(inputs, output_starts, dy, y, x, relu=relu)

    return product


def _gradients(relu: bool) -> Callable[..., Sequence[jax.Array]]:
    def gradients(values: Array, *operands: Array) -> Any:
        dy, x = operands[-3], operands[-1]
        results = (_floats(*values.shape), _floats(dy.shape[0]), _floats(*x.shape))
        return native.call("sparserl_gradients", results)(values, *operands, relu=relu)

    return gradients


def _floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)
