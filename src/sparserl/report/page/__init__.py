"""Page: what a report shows as one offline file, for people who may not trust it."""

from sparserl.report.page.values import Page, Part
from sparserl.report.page.writing import to_html, write_page

__all__ = ["Page", "Part", "to_html", "write_page"]
