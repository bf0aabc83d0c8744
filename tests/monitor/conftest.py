"""Makes `made_batches` importable by these tests and by those of `run`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
