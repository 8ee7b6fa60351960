"""Post-training quantization: recipe, observers, calibration, conversion, refinement, mixed widths."""

from mcuq.quantize.figures import LayerFigures
from mcuq.quantize.quantizer import Quantized, Report, prepare, quantize
from mcuq.quantize.recipe import Recipe, Rule, Scheme, built_in_recipes, load_recipe, recipe_from_table

__all__ = [
    "LayerFigures",
    "Quantized",
    "Recipe",
    "Report",
    "Rule",
    "Scheme",
    "built_in_recipes",
    "load_recipe",
    "prepare",
    "quantize",
    "recipe_from_table",
]
