"""Studies on disk, by the name that programs know: they are read in `sparserl.persistence.studies`."""

from sparserl.persistence.studies import (
    FILE_NAME,
    USUAL_PRESET,
    StoredExperiment,
    StoredStudy,
    parsed_name,
    renamed_experiments,
    stored,
    stored_names,
    study_folder,
)

__all__ = [
    "FILE_NAME",
    "USUAL_PRESET",
    "StoredExperiment",
    "StoredStudy",
    "parsed_name",
    "renamed_experiments",
    "stored",
    "stored_names",
    "study_folder",
]
