"""Study: runs as processes, one seed of one experiment each; one process per core."""

from sparserl.study.pool import LOG_NAME, Outcome, Progress, run_all

__all__ = ["LOG_NAME", "Outcome", "Progress", "run_all"]
