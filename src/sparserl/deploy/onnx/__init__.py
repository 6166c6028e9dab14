"""ONNX: a policy as one file that onnxruntime and others load, with what goes in and comes out written inside.

What is here imports neither onnx nor onnxruntime until it is called: they are an extra.
"""

from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sparserl.deploy.policy import Policy
from sparserl.types import UserError

if TYPE_CHECKING:
    from sparserl.deploy.onnx.loading import Loaded

Weights = Literal["auto", "sparse", "dense"]
"""How kernels are written.

auto: each as a `Constant` node with a `sparse_value` where that makes the file smaller, else dense; onnxruntime and
OpenVINO load it, and ONNX's full check accepts it. sparse: each as a `sparse_initializer`, some 35 bytes less; of the
runtimes that we tried only onnxruntime loads it, and no operator of ONNX takes one, as its full check says.
dense: every runtime loads it.
"""

_PACKAGES = ("onnx", "onnxruntime")
IN_MEMORY = "sparse file, dense memory: runtimes make the kernels dense when they load the file"


def require() -> None:
    """Raise `UserError` where onnx or onnxruntime is missing, with the command that installs them, or is broken."""
    missing = [name for name in _PACKAGES if util.find_spec(name) is None]
    if missing:
        raise UserError(f"ONNX needs {' and '.join(missing)}: pip install 'sparserl[onnx]'")
    for name in _PACKAGES:
        try:
            import_module(name)
        except Exception as error:  # such as a library of C that is not there, or another version of protobuf
            told = (str(error).strip().splitlines() or [type(error).__name__])[0]
            line = f"ONNX needs {name}, which is here and cannot be imported: {told}"
            raise UserError(f"{line}; pip install --force-reinstall 'sparserl[onnx]'") from error


def write(policy: Policy, file: Path, weights: Weights = "auto") -> None:
    """Write a policy as an ONNX model."""
    file.write_bytes(content(policy, weights))


def content(policy: Policy, weights: Weights = "auto") -> bytes:
    """The file of a policy as an ONNX model, always the same."""
    require()
    from sparserl.deploy.onnx.model import model_of, sealed

    return sealed(model_of(policy, weights))


def opened(file: Path) -> "Loaded":
    """A model that was written, as onnxruntime runs it with one thread. Raises `Mismatch` where it is damaged."""
    require()
    from sparserl.deploy.onnx.loading import load

    return load(file)
