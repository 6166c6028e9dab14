"""Study files: a study by its name in the catalogue or by the path of one Python file, every mistake told in one line.

A study file is a program that runs with all rights of whoever loads it: load only what you trust.
"""

import contextlib
import dataclasses
import inspect
import sys
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from sparserl import modules
from sparserl.errors import UserError, nearest
from sparserl.experiment import check_types
from sparserl.presets import PresetName
from sparserl.processes.homes import at_home
from sparserl.study import catalogue
from sparserl.study.catalogue import catalogue_names as catalogue_names
from sparserl.study.grids import checked
from sparserl.study.studies import SCALES, Scale, Study, check_preset

FUNCTION = "study"  # what a study file defines


def load(name_or_path: str | Path, scale: Scale, preset: PresetName | None = None) -> Study:
    """The study that the catalogue has by this name, or that one Python file defines, with all experiments checked.

    preset: what its experiments come from; None: what the file has by itself, in the catalogue `paper`.
    Raises UserError in one line: the file and its line, what is wrong, what is allowed, the nearest valid name.
    """
    if scale not in SCALES:
        raise UserError(field="scale", value=scale, allowed=SCALES)
    check_preset(preset)
    text = str(name_or_path)
    known = text in catalogue_names()
    return _load_file(Path(catalogue.__path__[0]) / f"{text}.py" if known else _user_file(text), scale, preset)


def from_catalogue(name: str, scale: Scale) -> Study:
    """A study of the catalogue as it stands there, whose experiments `load` would check once more."""
    study: Study = import_module(f"{catalogue.__name__}.{name}").study(scale)
    return study


def _user_file(text: str) -> Path:
    path = at_home(text)
    if path.is_file():
        for folder in (path.parent, Path()):  # a study may have modules of its own beside it, or here
            modules.look_last_in(str(folder.resolve()))
        return path
    if path.is_dir():
        raise UserError(f"{text} is a folder: give the Python file that defines the study")
    if path.suffix == ".py" or path.name != text:
        beside = sorted(file.name for file in path.parent.glob("*.py")) if path.parent.is_dir() else []
        raise UserError(f"no file {text}: give the path of a Python file", value=path.name, names=beside)
    names = catalogue_names()
    if parts := [name for name in names if name.startswith(f"{text}_")]:
        raise UserError(f"study {text!r} has {len(parts)} parts", allowed=parts)
    name, _, scale = text.partition("@")
    if scale and name in names:
        raise UserError(f"no study {text!r}: the scale is an option, as in {name} --scale {scale.partition('+')[0]}")
    if text in catalogue.WITHOUT_RUNS:
        raise UserError(f"{text} has no study, as nothing is trained for it: `{catalogue.WITHOUT_RUNS[text]}` shows it")
    advice = "`sparserl study list` shows all, and a file of your own is given as path/name.py"
    raise UserError(f"no study {text!r}: {advice}", value=text, names=names)


def _load_file(path: Path, scale: Scale, preset: PresetName | None) -> Study:
    with _located(path):
        source = path.read_bytes()
        code = compile(source, str(path), "exec")
    module = ModuleType(f"study_file_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up
    try:
        with _located(path), contextlib.redirect_stdout(sys.stderr):  # standard output is for results alone
            exec(code, module.__dict__)
        function = _function(path, module)
        line = function.__code__.co_firstlineno
        with _located(path, line), contextlib.redirect_stdout(sys.stderr):
            return _checked(_called(function, scale, preset), path.stem)
    finally:
        del sys.modules[module.__name__]


def _function(path: Path, module: ModuleType) -> Any:
    """The function `study` of a file, which must take the scale alone."""
    function = vars(module).get(FUNCTION)
    if not inspect.isfunction(function):
        own = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
        near = nearest(FUNCTION, own)
        line = own[near[0]].__code__.co_firstlineno if near else 1
        what = "it defines no function study(scale)" if function is None else f"study is {function!r}, no function"
        raise UserError(f"{path}:{line}: {what}", value=FUNCTION, names=near)
    try:
        inspect.signature(function).bind("smoke")
    except TypeError:
        given = inspect.signature(function)
        raise UserError(
            f"{path}:{function.__code__.co_firstlineno}: study{given} must take the scale alone: study(scale)"
        ) from None
    return function


def _called(function: Any, scale: Scale, preset: PresetName | None) -> Any:
    """What the function returns, which knows its preset where the function takes one."""
    signature = inspect.signature(function)
    if "preset" not in signature.parameters:
        if preset is not None:
            line = f'study{signature} takes none; study(scale, preset="paper") does'
            raise UserError(line, field="preset", value=preset)
        return function(scale)
    chosen = preset or signature.parameters["preset"].default
    study = function(scale, preset=chosen)
    nameless = isinstance(study, Study) and study.preset is None
    return dataclasses.replace(study, preset=chosen) if nameless else study


def _checked(study: Any, name: str) -> Study:
    if not isinstance(study, Study):
        raise UserError(f"study(scale) returned {_brief(study)}: it must return a Study")
    if study.name != name:  # its folder is found by the file's name, without running the file
        raise UserError(f"it must be the file's, {name!r}", field="name", value=study.name)
    for index, experiment in enumerate(study.experiments):
        try:
            check_types(experiment)
            checked(experiment)
        except UserError as error:
            error.locate(f"experiments[{index}], {experiment.identifier}")
            raise
    return study


@contextlib.contextmanager
def _located(path: Path, line: int = 1) -> Iterator[None]:
    """Whatever goes wrong inside becomes one line that begins with the deepest place in the file itself."""
    try:
        yield
    except SyntaxError as error:
        inside = error.filename == str(path)
        _refuse(path, error.lineno or line if inside else _line(path, error, line), f"SyntaxError: {error.msg}")
    except UserError as error:
        error.locate(f"{path}:{_line(path, error, line)}")
        raise
    except OSError as error:
        _refuse(path, _line(path, error, line), f"{type(error).__name__}: {_cause(error)}")
    except SystemExit as error:
        _refuse(path, _line(path, error, line), f"the file ended the program with status {error.code}")
    except Exception as error:
        _refuse(path, _line(path, error, line), f"{type(error).__name__}: {error}")


def _cause(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.filename else str(error)


def _line(path: Path, error: BaseException, otherwise: int) -> int:
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), otherwise) or otherwise


def _refuse(path: Path, line: int, message: str) -> NoReturn:
    raise UserError(f"{path}:{line}: {' '.join(message.split())}") from None


def _brief(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
