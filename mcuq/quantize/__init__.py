"""Post-training quantization: recipe, observers, calibration, conversion, refinement, sensitivity."""

from mcuq.quantize.quantizer import Quantized, Report, quantize
from mcuq.quantize.recipe import Recipe, built_in_recipes, load_recipe

__all__ = ["Quantized", "Recipe", "Report", "built_in_recipes", "load_recipe", "quantize"]
