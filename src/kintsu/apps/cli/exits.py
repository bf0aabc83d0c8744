"""Exit codes of the command line; `kintsu --help` and the contract list them."""

from typing import Final

__all__ = ["BAD_INPUT", "BELOW", "NO_READER", "OK", "STEP_FAILED", "STOPPED", "TERMINATED"]

OK: Final = 0
BELOW: Final = 1  # `check` found a score below --fail-under, or `gate` does not let the batch pass
BAD_INPUT: Final = 2  # bad input or usage; nothing was written
STEP_FAILED: Final = 3  # the run is complete except for the steps named
STOPPED: Final = 130  # Ctrl-C, as shells expect it (128 + SIGINT)
NO_READER: Final = 141  # standard output was closed (128 + SIGPIPE)
TERMINATED: Final = 143  # 128 + SIGTERM
