"""The command line. A command parses, calls one function of `kintsu.run`, and prints."""

from kintsu.apps.cli.edge import main

__all__ = ["main"]
