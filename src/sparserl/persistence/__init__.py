"""Persistence: what is kept on disk, whole or not at all, and proven unchanged when it is read again.

Files are plain Parquet, JSON and safetensors; nothing here unpickles or runs what it reads, and nothing traces JAX.
"""

from sparserl.errors import UserError
from sparserl.persistence.atomic import sweep_partial, write_atomically
from sparserl.persistence.checkpoint import has_bundle, read_bundle, write_bundle
from sparserl.persistence.diagnostics import (
    DIAGNOSTICS_SCHEMA,
    drop_diagnostics,
    has_diagnostics,
    read_diagnostics,
    write_diagnostics,
)
from sparserl.persistence.documents import canonical_json, read_document, write_document
from sparserl.persistence.evaluations import EVALUATION_SCHEMA, read_evaluations, write_evaluations
from sparserl.persistence.machine import machine_description
from sparserl.persistence.requests import Request, read_request, write_request
from sparserl.persistence.results import (
    Status,
    experiment_id,
    find_run,
    plan_experiment,
    read_experiment,
    read_status,
    run_folder,
    write_status,
)

__all__ = [
    "DIAGNOSTICS_SCHEMA",
    "EVALUATION_SCHEMA",
    "Request",
    "Status",
    "UserError",
    "canonical_json",
    "drop_diagnostics",
    "experiment_id",
    "find_run",
    "has_bundle",
    "has_diagnostics",
    "machine_description",
    "plan_experiment",
    "read_bundle",
    "read_diagnostics",
    "read_document",
    "read_evaluations",
    "read_experiment",
    "read_request",
    "read_status",
    "run_folder",
    "sweep_partial",
    "write_atomically",
    "write_bundle",
    "write_diagnostics",
    "write_document",
    "write_evaluations",
    "write_request",
    "write_status",
]
