"""Persistence: what is kept on disk, whole or not at all, and proven unchanged when it is read again.

Files are plain Parquet, JSON and safetensors; nothing here unpickles or runs what it reads, and nothing traces JAX.
"""

from sparserl.errors import DiskFull, UserError
from sparserl.persistence.atomic import Superseded, discard, is_disk_full, sweep_partial, write_atomically
from sparserl.persistence.attempts import (
    LEASE_SECONDS,
    Attempt,
    Busy,
    Lease,
    claim,
    is_tidy,
    is_working,
    read_lease,
)
from sparserl.persistence.checkpoint import has_bundle, read_bundle, write_bundle
from sparserl.persistence.contents import StoredRun, read_table, run_in
from sparserl.persistence.diagnostics import (
    DIAGNOSTICS,
    DIAGNOSTICS_SCHEMA,
    drop_diagnostics,
    has_diagnostics,
    read_diagnostics,
)
from sparserl.persistence.documents import NewerFormat, canonical_json, read_document, write_document
from sparserl.persistence.evaluations import (
    EVALUATION_SCHEMA,
    EVALUATIONS,
    FACTS,
    check_run,
    evaluated_runs,
    facts_of,
    read_evaluations,
    readable_evaluations,
)
from sparserl.persistence.generations import (
    Generation,
    Kept,
    drop_generations,
    generation_steps,
    has_generations,
    kept_after,
    read_common,
    read_newest,
    write_generation,
)
from sparserl.persistence.kill_points import passing
from sparserl.persistence.layouts import ALONE, layout_of, seeds_of
from sparserl.persistence.machine import (
    machine_class,
    machine_description,
    memory_bytes,
    processor_name,
    several_classes,
)
from sparserl.persistence.noise import NOISE, has_noise, missing_noise, noise_rows, read_noise, write_noise
from sparserl.persistence.packing import Packed, pack
from sparserl.persistence.requests import RunRequest, read_request, write_request
from sparserl.persistence.results import (
    Status,
    experiment_folder,
    experiment_id,
    find_experiment,
    find_run,
    first_difference,
    holds_experiment,
    is_over,
    plan_experiment,
    read_experiment,
    read_status,
    renamed_experiments,
    write_status,
)
from sparserl.persistence.runs import ASIDE, EVERY_RUN, RunId, files_of_runs, is_run_folder, runs_in, seed_folder
from sparserl.persistence.searching import search
from sparserl.persistence.segments import Ring, ring_rows
from sparserl.persistence.studies import StoredExperiment, StoredStudy
from sparserl.persistence.tables import Table, has_table, pack_rows, unpack_rows, write_table
from sparserl.persistence.topology import SIDES, TOPOLOGY, read_topology
from sparserl.processes.homes import at_home
from sparserl.processes.outcomes import LOG_NAME as LOG_FILE

__all__ = [
    "ALONE",
    "ASIDE",
    "DIAGNOSTICS",
    "DIAGNOSTICS_SCHEMA",
    "EVALUATIONS",
    "EVALUATION_SCHEMA",
    "EVERY_RUN",
    "FACTS",
    "LEASE_SECONDS",
    "LOG_FILE",
    "NOISE",
    "SIDES",
    "TOPOLOGY",
    "Attempt",
    "Busy",
    "DiskFull",
    "Generation",
    "Kept",
    "Lease",
    "NewerFormat",
    "Packed",
    "Ring",
    "RunId",
    "RunRequest",
    "Status",
    "StoredExperiment",
    "StoredRun",
    "StoredStudy",
    "Superseded",
    "Table",
    "UserError",
    "at_home",
    "canonical_json",
    "check_run",
    "claim",
    "discard",
    "drop_diagnostics",
    "drop_generations",
    "evaluated_runs",
    "experiment_folder",
    "experiment_id",
    "facts_of",
    "files_of_runs",
    "find_experiment",
    "find_run",
    "first_difference",
    "generation_steps",
    "has_bundle",
    "has_diagnostics",
    "has_generations",
    "has_noise",
    "has_table",
    "holds_experiment",
    "is_disk_full",
    "is_over",
    "is_run_folder",
    "is_tidy",
    "is_working",
    "kept_after",
    "layout_of",
    "machine_class",
    "machine_description",
    "memory_bytes",
    "missing_noise",
    "noise_rows",
    "pack",
    "pack_rows",
    "passing",
    "plan_experiment",
    "processor_name",
    "read_bundle",
    "read_common",
    "read_diagnostics",
    "read_document",
    "read_evaluations",
    "read_experiment",
    "read_lease",
    "read_newest",
    "read_noise",
    "read_request",
    "read_status",
    "read_table",
    "read_topology",
    "readable_evaluations",
    "renamed_experiments",
    "ring_rows",
    "run_in",
    "runs_in",
    "search",
    "seed_folder",
    "seeds_of",
    "several_classes",
    "sweep_partial",
    "unpack_rows",
    "write_atomically",
    "write_bundle",
    "write_document",
    "write_generation",
    "write_noise",
    "write_request",
    "write_status",
    "write_table",
]
