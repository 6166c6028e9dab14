"""The catalogue: a study for every figure and table of the paper that has runs (Graesser et al. 2022).

A module here is what a study file of one's own is: it defines `study(scale) -> Study`. Modules ask `paper` for the
parts that figures share, so equal parts are equal experiments, which are run once in a results directory.
"""
