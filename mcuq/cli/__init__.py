"""The `mcuq` command: one file per verb; the only room that prints or exits."""

from mcuq.cli.app import app, main

__all__ = ["app", "main"]
