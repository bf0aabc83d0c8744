"""Every kind of fault: importing this registers them all."""

from __future__ import annotations

import kintsu.monitor.classify.faults_numbers
import kintsu.monitor.classify.faults_table
import kintsu.monitor.classify.faults_text  # noqa: F401 - each registers its faults
from kintsu.monitor.classify.faults import FAULTS, Delivery, damage

__all__ = ["FAULTS", "Delivery", "damage"]
