"""How operators say that they are sound but not supported; collected, so that the user hears of all at once."""

from __future__ import annotations


class Refused(Exception):
    """One reason why an operator of the file cannot become a node."""
