"""What environments return from `reset` and `step`: taken apart and checked, so that nothing is converted in silence.

Whatever does not fit raises `Unfit`, one line: what came, and what is expected.
"""

import inspect
import numbers
import traceback
from decimal import Decimal
from typing import Any

import numpy as np

from sparserl.calls import one_line

LARGEST = float(np.finfo(np.float32).max)
_SEQUENCES = (tuple, list)  # which `isinstance` looks at quicker than at a union
_RESET, _STEP = "(observation, info)", "(observation, reward, terminated, truncated, info)"
_OLD = "; that is how environments of gym before 0.26 answer"


class Unfit(Exception):
    """Something that an environment returned, or its form, is not what Gymnasium's interface or its space allows."""


def of_reset(answer: Any) -> Any:
    """The observation that `reset` returned."""
    if isinstance(answer, _SEQUENCES) and len(answer) == 2 and isinstance(answer[1], dict):
        return answer[0]
    old = _OLD if answer is not None and not isinstance(answer, tuple) else ""
    raise Unfit(f"its reset returned {_form(answer)}, and {_RESET} is expected{old}")


def of_step(answer: Any) -> Any:
    """The five things that `step` returned."""
    if isinstance(answer, _SEQUENCES) and len(answer) == 5 and isinstance(answer[4], dict):
        return answer
    old = _OLD if isinstance(answer, tuple) and len(answer) == 4 else ""
    raise Unfit(f"its step returned {_form(answer)}, and {_STEP} is expected{old}")


def reward(value: Any) -> float:
    """A reward as a number that float32 can hold."""
    number = float(value) if isinstance(value, float) else _number(value)  # NumPy's are slow to compare
    if number is None:
        raise Unfit(f"the reward is {brief(value)}, and a single number is expected")
    if -LARGEST <= number <= LARGEST:
        return number
    if np.isfinite(number):
        raise Unfit(f"the reward is {number:g}, and float32, in which agents learn, ends at {LARGEST:.2g}")
    raise Unfit(f"the reward is not finite: it is {number}")


def flag(name: str, value: Any) -> bool:
    """`terminated` or `truncated`, by its name."""
    if value is True or value is False or type(value) is np.bool_:
        return bool(value)
    number = _number(value)
    if number in (0, 1):
        return bool(number)
    raise Unfit(f"{name} is {brief(value)}, and True or False is expected")


def picture(value: Any) -> np.ndarray:
    """What `render` returned as uint8 `[y, x, 3]`, in memory of its own; numbers of 0 to 1 count as parts of 255."""
    array = np.asarray(value)
    if array.ndim != 3 or array.shape[2] not in (3, 4) or not array.size or array.dtype.kind not in "uif":
        kind = f"{array.dtype} {list(array.shape)}" if isinstance(value, np.ndarray) else type(value).__name__
        raise Unfit(f"its render returned {kind}, and a picture is expected: numbers [height, width, 3]")
    colours = array[..., :3]
    if array.dtype.kind == "f" and np.nanmax(colours) <= 1:
        colours = 255 * colours
    return np.array(np.rint(np.clip(np.nan_to_num(colours), 0, 255)), np.uint8)


def explained(error: BaseException, environment: Any, resetting: bool) -> BaseException:
    """The error, or what it came from: wrappers of Gymnasium stumble over an old interface before it gets here."""
    if isinstance(error, TypeError) and resetting and _takes_no_seed(environment):
        return Unfit("its reset takes no seed and options, and reset(*, seed=None, options=None) is expected")
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if "unpack" in one_line(error) and frames[-1].f_globals.get("__name__", "").startswith("gymnasium."):
        what, expected = ("reset", _RESET) if resetting else ("step", _STEP)
        return Unfit(f"its {what} returned something else than {expected}: {one_line(error)}")
    return error


def _takes_no_seed(environment: Any) -> bool:
    try:
        taken = inspect.signature(environment.unwrapped.reset).parameters
    except (TypeError, ValueError):  # it is no function of Python
        return False
    passed_on = any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values())
    return not passed_on and not {"seed", "options"} <= taken.keys()


def brief(value: Any) -> str:
    """A value in one line of bounded length; of arrays also their shape."""
    text = one_line(value.item() if isinstance(value, np.generic) else value, repr)
    text = text if len(text) <= 80 else f"{text[:60]}..."
    shape = getattr(value, "shape", ())
    return f"{text} of shape {tuple(shape)}" if shape else text


def _number(value: Any) -> float | None:
    """A single real number, in whatever type: Python's, NumPy's, an array without axes, `Decimal`; else None."""
    if isinstance(value, numbers.Real | Decimal):
        try:
            return float(value)
        except OverflowError:
            return float("inf")
    if np.ma.is_masked(value):
        return None
    array = np.asarray(value)
    return float(array) if array.shape == () and array.dtype.kind in "biuf" else None


def _form(answer: Any) -> str:
    """What was returned in place of a tuple, in words."""
    if not isinstance(answer, tuple):
        return brief(answer)
    kinds = ", ".join(type(part).__name__ for part in answer)
    return f"{len(answer)} values ({kinds})"
