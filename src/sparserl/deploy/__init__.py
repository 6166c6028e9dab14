"""Deploy: trained policies out of the lab, in NumPy and as files that are verified against what was trained."""
