"""Which function and which step an address lies in, by the symbols of the image."""

from __future__ import annotations

import bisect
import re

from mcuq.artifacts import Image, Symbol


class Functions:
    """Names for addresses; `entries` maps the first address of every step of `<model>_invoke` to its index."""

    def __init__(self, image: Image, model_name: str) -> None:
        functions = (symbol for symbol in image.symbols.values() if symbol.is_function)
        self._sorted = sorted(functions, key=lambda symbol: symbol.address)
        self._addresses = [symbol.address for symbol in self._sorted]
        self.invoke = image.symbols.get(f"{model_name}_invoke")
        # Compilers append suffixes like `.constprop.0` to the functions that they specialise.
        step = re.compile(re.escape(model_name) + r"_step_(\d+)(\..*)?")
        matches = ((symbol, step.fullmatch(symbol.name)) for symbol in self._sorted)
        self.entries = {symbol.address: int(match.group(1)) for symbol, match in matches if match}

    def at(self, address: int) -> Symbol | None:
        """The function that `address` lies in."""
        index = bisect.bisect_right(self._addresses, address & ~1) - 1
        if index < 0:
            return None
        symbol = self._sorted[index]
        return symbol if address < symbol.address + max(symbol.bytes, 2) else None

    def name(self, address: int) -> str:
        """The name of the function at `address`, or the address itself."""
        symbol = self.at(address)
        return symbol.name if symbol is not None else f"{address:#010x}"
