"""The numbers of a batch whose course over time is kept and drawn."""

from __future__ import annotations

from kintsu.monitor.measure import BatchMetrics

__all__ = ["facts"]


def facts(batch: BatchMetrics) -> dict[str, float]:
    """Flat names -> numbers: "rows", "duplicates" (share of rows), "late_h", and for each column "completeness:c"
    (share of filled cells), "distinct:c" and other shares of its filled cells, "mean:c", "q50:c" and its other levels.

    In the order of the columns. Statistics that a batch has none of are left out.
    """
    rows = max(batch.rows, 1)
    out = {"rows": float(batch.rows), "duplicates": batch.duplicates / rows}
    if batch.due is not None and batch.arrived is not None:
        out["late_h"] = (batch.arrived - batch.due).total_seconds() / 3600
    for name, column in batch.columns.items():
        out[f"completeness:{name}"] = column.filled / rows
        out |= {f"{share}:{name}": cells / max(column.filled, 1) for share, cells in column.shares.items()}
        out |= {f"{level}:{name}": value for level, (value, _) in column.levels.items()}
    return out
