"""Figure 3, how SAC's parameters are split, on HalfCheetah with budgets of 20 and 10 %.

.venv/bin/sparserl study run reproduction/parts_of_grids/shares_half_cheetah.py --scale quick
"""

from of_the_catalogue import part

from sparserl.study import Scale, Study
from sparserl.study.files import from_catalogue


def study(scale: Scale) -> Study:
    whole = from_catalogue("figure_3", scale)
    few = {name for name, asked in whole.budgets.items() if asked.budget_fraction < 1}
    kept = [each for each in whole.experiments if each.identifier in few and each.environment == "HalfCheetah-v5"]
    return part(__file__, "figure_3", "On HalfCheetah, with a fifth and a tenth of the parameters", scale, 5, kept)
