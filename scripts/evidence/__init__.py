"""Evidence: what is committed under `reproduction/`, read back and written as the pages that tell of it."""
