"""Page: what a report shows as one offline file, for people who may not trust it."""

from sparserl.report.page.values import VERDICTS, Claim, Page, Part

__all__ = ["VERDICTS", "Claim", "Page", "Part"]
