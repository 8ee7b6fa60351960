"""Recipes are read strictly: what they say is what happens, and what they cannot say is refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcuq.errors import QuantizationFailed
from mcuq.quantize import Recipe, Rule, Scheme, built_in_recipes, load_recipe, recipe_from_table


def test_every_built_in_recipe_loads_under_its_own_name() -> None:
    """The wheel's recipes are sound, and the ones that the documentation names are among them."""
    names = built_in_recipes()
    wanted = {"int8", "int8-q", "int16x8", "int4", "int4-mixed", "dynamic", "float16", "weights8", "float"}
    assert wanted <= set(names)
    for name in names:
        recipe = load_recipe(name)
        assert recipe.name == name
        assert recipe.description


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A misspelt recipe is answered with what there is."""
    with pytest.raises(QuantizationFailed, match=r"no recipe 'int9'.*int16x8.*int8"):
        load_recipe("int9")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("weigth_bits = 4", "weigth_bits"),
        ("[layers]\nbits = 4", "layers.bits"),
        ("[refine]\nrounding = 'up'", "refine.rounding"),
        ("[refine]\nequalize = 2.0", "refine.equalize"),
        ("[layers]\nweight_bits = '4'", "layers.weight_bits"),
        ("[layers]\nweight_bits = 16", "layers.weight_bits"),
        ("[layers]\narithmetic = 'int16x8'\nactivation_bits = 8", "layers.activation_bits"),
        ("[[rules]]\nlayer = 'a'\nweight_bit = 4", "rules.0.weight_bit"),
        ("[[rules]]\nposition = 'middle'\nweight_bits = 4", "rules.0.position"),
        ("[[rules]]\nlayer = 7\nweight_bits = 4", "rules.0.layer"),
        ("[[rules]]\nlayer = 'a'\nobserver = 'max'", "rules.0.observer"),
        ("[calibration]\npercentile = 101.0", "calibration.percentile"),
        ("[mixed]\nweight_bits = 1", "mixed"),
        ("[layers]\ngroup_channels = 0", "layers.group_channels"),
        ("rules = 3", "rules"),
    ],
)
def test_a_wrong_key_is_named_with_its_file(tmp_path: Path, text: str, key: str) -> None:
    """Whoever misspells a key reads which file and which key."""
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(QuantizationFailed) as error:
        load_recipe(path)
    assert str(path) in str(error.value)
    assert f"'{key}'" in str(error.value)


def test_a_file_that_is_missing_or_no_toml_is_refused(tmp_path: Path) -> None:
    """A wrong path and a broken file are two different sentences."""
    with pytest.raises(QuantizationFailed, match="cannot be read"):
        load_recipe(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("[layers")
    with pytest.raises(QuantizationFailed, match="is not TOML"):
        load_recipe(tmp_path / "broken.toml")


def test_rules_change_what_matches_in_order() -> None:
    """A later rule overrides an earlier one; what no rule names keeps the recipe's own scheme."""
    recipe = recipe_from_table(
        {
            "layers": {"weight_bits": 4},
            "rules": [
                {"op": "CONV_2D", "weight_bits": 8},
                {"layer": "stem*", "granularity": "tensor"},
                {"position": "last", "weight_bits": 6},
                {"position": -2, "observer": "min_max"},
            ],
        }
    )
    assert recipe.scheme_of(("stem/conv",), "CONV_2D", 0, 5) == Scheme(weight_bits=8, granularity="tensor")
    assert recipe.scheme_of(("body",), "DEPTHWISE_CONV_2D", 1, 5) == Scheme(weight_bits=4)
    assert recipe.scheme_of(("head",), "FULLY_CONNECTED", 4, 5) == Scheme(weight_bits=6)
    assert recipe.scheme_of(("neck",), "FULLY_CONNECTED", 3, 5).observer == "min_max"
    assert recipe.scheme_of(("sum",), "ADD", None, 5) == Scheme(weight_bits=4)


def test_recipes_are_values() -> None:
    """Equal recipes are equal, and a rule can be made without a file."""
    assert Recipe(rules=(Rule(op="ADD"),)) == Recipe(rules=(Rule(op="ADD"),))
    assert load_recipe("int8") == load_recipe("int8")
