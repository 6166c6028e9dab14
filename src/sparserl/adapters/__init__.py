"""Adapters: dense layers of other libraries that may hold compressed kernels; one module for each library.

Plain `x @ kernel`, and equinox's `weight @ x`, need none.
"""
