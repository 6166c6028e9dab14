"""Environments: compiled (JAX-native) and host (Gymnasium) behind one Protocol."""

from typing import Literal

from sparserl.environments.compiled import COMPILED, CompiledEnvironment
from sparserl.types import Environment

Backend = Literal["auto", "compiled", "host"]


def make(identifier: str, num_envs: int, backend: Backend = "auto") -> Environment:
    if identifier in COMPILED and backend != "host":
        return CompiledEnvironment(identifier, num_envs)
    from sparserl.environments.host import HostEnvironment

    return HostEnvironment(identifier, num_envs)
