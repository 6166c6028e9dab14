"""Policies as C: `write` makes the files, `compiled` calls them, `quantized` is what int8 stands for."""

from sparserl.deploy.c.compiled import SCALAR as SCALAR
from sparserl.deploy.c.compiled import Compiled as Compiled
from sparserl.deploy.c.compiled import compiled as compiled
from sparserl.deploy.c.compiled import compiler as compiler
from sparserl.deploy.c.compiled import require_golden as require_golden
from sparserl.deploy.c.matrices import WeightsName as WeightsName
from sparserl.deploy.c.matrices import dense_layers as dense_layers
from sparserl.deploy.c.matrices import quantized as quantized
from sparserl.deploy.c.writing import write as write
