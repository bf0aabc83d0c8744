"""Settings that all tests share."""

import os

from hypothesis import HealthCheck, settings

# Machines differ in speed, so no test may fail for being slow. CI repeats the same examples: what it refuses can be
# looked into; local runs explore new ones.
settings.register_profile("local", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("local"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
