"""Worker: one run in one process, which begins or goes on, keeps what it has, and ends with a word."""
