"""An ONNX model that was written, as onnxruntime runs it."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
from google.protobuf.message import DecodeError

from sparserl.deploy.batches import mapped, parts
from sparserl.deploy.onnx.model import ACTION, OBSERVATION, OUTPUTS, is_whole
from sparserl.deploy.verification import Mismatch

_DTYPES = {"tensor(float)": np.float32, "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_}
_ERRORS_ONLY = 3  # of onnxruntime's levels of its log


class Loaded(NamedTuple):
    """A session of onnxruntime on one thread, and the type that it takes observations in."""

    session: onnxruntime.InferenceSession
    dtype: type[np.generic]

    def outputs(self, observations: np.ndarray) -> np.ndarray:
        """Outputs `[batch, output]` before the decision."""
        return self._run([OUTPUTS], observations)[0]

    def act(self, observations: np.ndarray) -> np.ndarray:
        """Actions `[batch]`, or `[batch, *action]`."""
        return self._run([ACTION], observations)[0]

    def answers(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both."""
        outputs, actions = self._run([OUTPUTS, ACTION], observations)
        return outputs, actions

    def _run(self, names: list[str], observations: np.ndarray) -> list[np.ndarray]:
        with np.errstate(over="ignore"):  # of float64 beyond float32, which is infinite there
            given = np.ascontiguousarray(observations, self.dtype)
        several = mapped(lambda part: self.session.run(names, {OBSERVATION: part}), parts(given))
        return [np.concatenate(each) for each in zip(*several, strict=True)]


def load(file: Path) -> Loaded:
    """The model in a file. Raises `Mismatch` where that is not as it was written."""
    return loaded(file.read_bytes(), str(file))


def loaded(content: bytes, name: str) -> Loaded:
    """The model in the bytes of the file `name`. Raises `Mismatch` where they are not as they were written."""
    try:
        whole = is_whole(content)
    except (DecodeError, UnicodeDecodeError):  # the latter from protobuf's implementation in Python
        whole = False
    if not whole:
        raise Mismatch(f"{name} is damaged: it is not the model that was written")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    return Loaded(session, _DTYPES[taken.type])
