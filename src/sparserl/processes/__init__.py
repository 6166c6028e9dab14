"""Processes: what every child on a core of its own needs, and how it tells its end; no JAX in here."""
