"""Settings that all tests share."""

import os
from importlib.util import find_spec
from pathlib import Path

from hypothesis import HealthCheck, settings

# Machines differ in speed, so no test may fail for being slow. CI repeats the same examples: what it refuses can be
# looked into; local runs explore new ones.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# Commands that tests start in other folders run the package that is tested: a relative PYTHONPATH would lead them to
# whatever is installed, which may be another version, or change while they run.
_package = find_spec("kintsu")
if _package is not None and _package.origin is not None:
    _here = str(Path(_package.origin).resolve().parents[1])
    os.environ["PYTHONPATH"] = os.pathsep.join([_here, *filter(None, [os.environ.get("PYTHONPATH")])])
