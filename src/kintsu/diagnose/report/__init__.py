"""The report: what a run found and did, as plain data (`collect`), as a page (`render`) and in a notebook (`notebook`).

`collect` is the only part that sees tables; the others turn its JSON-able result into text. All are pure.
"""

from kintsu.diagnose.report.collect import collect, issues_of, with_examples
from kintsu.diagnose.report.render import notebook, render

__all__ = ["collect", "issues_of", "notebook", "render", "with_examples"]
