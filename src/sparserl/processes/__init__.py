"""Processes: what a child on its own core needs and what its parent does with it, locks, and who is alive; no JAX."""
