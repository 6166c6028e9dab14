"""Claims: what the paper says, put to the runs of a study by stated rules, and the study's own answer in numbers."""

from sparserl.report.claims.answers import answers, cautions
from sparserl.report.claims.catalogue import CLAIMS, Claim, claims, every_finding
from sparserl.report.claims.findings import Finding, Part, Verdict

__all__ = ["CLAIMS", "Claim", "Finding", "Part", "Verdict", "answers", "cautions", "claims", "every_finding"]
