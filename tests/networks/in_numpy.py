"""Both convolutional networks once more, in NumPy and float64, one place after the other."""

import numpy as np


def before_and_behind(side, size, stride, padding):
    """Outputs along an axis, and zeros before it and behind it: tensorflow.org/api_docs/python/tf/nn, on padding."""
    if padding == "valid":
        return (side - size) // stride + 1, 0, 0
    outputs = int(np.ceil(side / stride))
    zeros = max((outputs - 1) * stride + size - side, 0)
    return outputs, zeros // 2, zeros - zeros // 2


def windows(image, size, stride, padding, fill):
    """Each place of a window and what it sees, `[size, size, channels]`."""
    rows, top, bottom = before_and_behind(image.shape[0], size, stride, padding)
    columns, left, right = before_and_behind(image.shape[1], size, stride, padding)
    padded = np.pad(image, ((top, bottom), (left, right), (0, 0)), constant_values=fill)
    for i in range(rows):
        for j in range(columns):
            yield (i, j), padded[i * stride : i * stride + size, j * stride : j * stride + size]


def each_place(image, size, stride, padding, fill, value):
    found = {place: value(seen) for place, seen in windows(image, size, stride, padding, fill)}
    rows, columns = (max(axis) + 1 for axis in zip(*found, strict=True))
    return np.array([[found[i, j] for j in range(columns)] for i in range(rows)])


def convolve(layer, image, stride=1, padding="same"):
    kernel = layer["kernel"]
    product = lambda seen: np.tensordot(seen, kernel, 3) + layer["bias"]
    return each_place(image, kernel.shape[0], stride, padding, 0.0, product)


def pool(image):
    return each_place(image, 3, 2, "same", -np.inf, lambda seen: seen.max((0, 1)))


def relu(x):
    return np.maximum(x, 0.0)


def head(params, features):
    hidden = relu(features.ravel() @ params["hidden_1"]["kernel"] + params["hidden_1"]["bias"])
    return hidden, hidden @ params["output"]["kernel"] + params["output"]["bias"]


def cnn(settings, params, image):
    """What each layer of one image puts out, by name."""
    x, found = image, {}
    for i, stride in enumerate(settings.strides, start=1):
        found[f"conv_{i}"] = x = relu(convolve(params[f"conv_{i}"], x, stride, settings.padding))
    found["hidden_1"], found["output"] = head(params, x)
    return found


def resnet(settings, params, image):
    """The same; what is behind the ReLU that follows each convolution."""
    x, found = image, {}
    for stack in range(1, len(settings.channels) + 1):
        x = pool(convolve(params[f"stack_{stack}_conv"], x))
        found[f"stack_{stack}_conv"] = relu(x)
        for block in range(1, settings.num_blocks + 1):
            name = f"stack_{stack}_block_{block}_conv"
            found[f"{name}_1"] = inner = relu(convolve(params[f"{name}_1"], relu(x)))
            x = x + convolve(params[f"{name}_2"], inner)
            found[f"{name}_2"] = relu(x)
    found["hidden_1"], found["output"] = head(params, relu(x))
    return found
