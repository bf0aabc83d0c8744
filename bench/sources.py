"""Is it known how well whom to trust is known? Tables in which sources that report one entity contradict each other.

    python bench/sources.py                      30 generated tables
    python bench/sources.py --seeds 8 --rows 2000

Every table has 8 to 40 sources in one to four families. A family reports an event of its own in the columns that are
disputed (the gate and the runway, the list price and the price paid), some families one event together, and the same
event as all others in the rest; now and then two events coincide. Sources make errors of their own, copy each other
inside a family, leave cells empty, and some write in a form of their own.

Nothing in a table says which family is right. What is counted as right is what is expected to be: with the share of a
family's squared size among all, the clean table follows that family. (Of two families the larger one is right oftener
than by its size, but sources that copy each other are not independent witnesses.) So the figures tell whether
confidences keep to what can be known, and not who was lucky.

Calibration is the expected calibration error of ten bins of equal width over the proposals of all tables together,
and the mean of it table by table. "At .5" is of what `--auto 0.5` applies.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

BINS = 10
Draw = Callable[[np.random.Generator, np.ndarray], list[str]]


def _clock(minutes: np.ndarray, form: int) -> list[str]:
    """Minutes of a day in one of three forms."""
    hour, minute = minutes // 60 % 24, minutes % 60
    if form == 1:
        return [f"{(h + 11) % 12 + 1}:{m:02d} {'p' if h >= 12 else 'a'}.m." for h, m in zip(hour, minute)]
    if form == 2:
        return [f"12/02 {h:02d}:{m:02d}" for h, m in zip(hour, minute)]
    return [f"{h:02d}:{m:02d}" for h, m in zip(hour, minute)]


def _price(cents: np.ndarray, form: int) -> list[str]:
    return [("", "$", "USD ")[form] + f"{c / 100:.2f}" for c in cents]


def _day(days: np.ndarray, form: int) -> list[str]:
    moments = np.datetime64("2015-01-01") + days
    if form == 0:
        return moments.astype(str).tolist()
    parts = [str(m).split("-") for m in moments]
    return [f"{d}.{m}.{y}" if form == 1 else f"{m}/{d}/{y}" for y, m, d in parts]


def _code(numbers: np.ndarray, form: int) -> list[str]:
    told = [f"K{n % 26:02d}-{n % 9973:04d}" for n in numbers]
    return [(t, t.lower(), f"no. {t}")[form] for t in told]


# kind of column: a value's range, how far another event is off, and how values are written (form 0 is the usual one)
KINDS: dict[str, tuple[int, int, Callable[[np.ndarray, int], list[str]]]] = {
    "time": (1440, 40, _clock),
    "price": (90_000, 4_000, _price),
    "day": (3_000, 30, _day),
    "code": (200_000, 100_000, _code),
}


def conflicting(seed: int, rows: int) -> tuple[pl.DataFrame, list[tuple[float, pl.DataFrame]]]:
    """The dirty table of one seed, about `rows` rows, all text; and every clean one it may come from, by its share."""
    rng = np.random.default_rng(seed)
    sources = int(rng.integers(8, 41))
    coverage = rng.uniform(0.4, 0.95)
    entities = max(int(rows / sources / coverage), 12)
    families = int(rng.choice([1, 2, 2, 3, 4]))
    family = rng.choice(families, sources, p=rng.dirichlet(np.full(families, 3.0)))
    size = np.bincount(family, minlength=families).astype(float)
    accuracy = np.clip(rng.beta(8, 1.2, sources), 0.3, 0.995)
    copies = np.flatnonzero(rng.random(sources) < rng.uniform(0, 0.5))
    missing = np.clip(rng.beta(1.2, 6, sources), 0, 0.9)
    e, s = np.nonzero(rng.random((entities, sources)) < coverage * rng.uniform(0.5, 1, sources))
    order = rng.permutation(len(e))
    e, s = e[order], s[order]
    head = {"item": [f"X-{i * 7919 % 100_000:05d}" for i in e], "source": [f"site{i:02d}" for i in s]}
    dirty = dict(head)
    clean = [dict(head) for _ in range(families)]
    for at in range(int(rng.integers(2, 5))):
        kind = str(rng.choice(list(KINDS)))
        span, off, write = KINDS[kind]
        event = np.tile(rng.integers(0, span, entities), (families, 1))
        if rng.random() < 0.6:
            apart = rng.random((families, entities)) < rng.uniform(0.6, 0.98)
            event = np.where(apart, event + rng.integers(1, off, (families, entities)), event)
            if rng.random() < 0.5:  # families that part elsewhere report one event here
                event = event[rng.integers(0, families, families)]
        slip = rng.integers(1, off if rng.random() < 0.5 else span, (entities, sources))
        said = event[family].T + np.where(rng.random((entities, sources)) < accuracy, 0, slip)
        for k in copies:
            origin = rng.choice(np.flatnonzero(family == family[k]))
            said[:, k] = np.where(rng.random(entities) < 0.85, said[:, origin], said[:, k])
        form = np.where(rng.random(sources) < 0.15, rng.integers(1, 3, sources), 0)
        strange = rng.random((entities, sources)) < rng.choice([0.02, 0.5, 1.0], sources)
        texts = [np.array(write(said.ravel(), f), dtype=object).reshape(said.shape) for f in range(3)]
        told = np.select([strange & (form == f) for f in (1, 2)], texts[1:], texts[0])
        told[rng.random((entities, sources)) < missing] = None
        name = f"{kind}_{at}"
        dirty[name] = told[e, s].tolist()
        for true in range(families):
            clean[true][name] = np.array(write(event[true], 0), dtype=object)[e].tolist()
    schema = dict.fromkeys(dirty, pl.String)
    share = np.square(size) / np.square(size).sum()
    told_by = [(float(w), pl.DataFrame(c, schema=schema)) for w, c in zip(share, clean) if w > 0]
    return pl.DataFrame(dirty, schema=schema), told_by


def calibration_error(sure: np.ndarray, right: np.ndarray) -> float | None:
    """Expected calibration error over ten bins of equal width; None without proposals."""
    at = np.minimum((sure * BINS).astype(int), BINS - 1)
    parts = [(at == b).sum() * abs(sure[at == b].mean() - right[at == b].mean()) for b in np.unique(at)]
    return float(sum(parts) / len(sure)) if len(sure) else None


def trial(seed: int, rows: int) -> tuple[dict[str, Any], pl.DataFrame]:
    """Figures of one table, and all its proposals with whether they are right."""
    import kintsu as kt
    from kintsu.core.policy import Policy, decide

    dirty, clean = conflicting(seed, rows)
    result = kt.heal(dirty, dry_run=True, auto=0.95)
    kept = result.decisions.filter(pl.col("action") != "withdraw")
    loose = decide(kept, result.recipes, Policy(auto=0.5), rows=len(dirty), columns=dirty.width)
    wrong = sum(w * int(dirty[c].ne_missing(table[c]).sum()) for w, table in clean for c in dirty.columns)
    long = [
        table.with_row_index("row").unpivot(index="row", variable_name="column", value_name="truth")
        .with_columns(pl.col("row").cast(pl.Int64))
        for _, table in clean
    ]  # fmt: skip

    def judged(decided: pl.DataFrame) -> pl.DataFrame:
        some = decided.filter(pl.col("action").is_in(["apply", "suggest"]) & (pl.col("edit") == "set"))
        right = np.zeros(len(some))
        for (w, _), truth in zip(clean, long):
            told = some.join(truth, on=["row", "column"], how="left", maintain_order="left")
            right += w * told["new"].eq_missing(told["truth"]).to_numpy()
        return some.select("action", "healer", "column", "confidence").with_columns(right=pl.Series(right))

    all_loose, strict = judged(loose), judged(result.decisions).filter(pl.col("action") == "apply")
    made = all_loose.filter(pl.col("action") == "apply")
    right = float(made["right"].sum())
    line = {
        "seed": seed,
        "wrong": wrong,
        "repair P": right / len(made) if len(made) else None,
        "repair R": right / max(wrong, 1),
        "repair F1": 2 * right / max(len(made) + wrong, 1),
        "applied P": strict["right"].mean(),
        "applied R": strict["right"].sum() / max(wrong, 1),
        "proposals": len(all_loose),
        "ECE": _of(all_loose),
        "ECE at .5": _of(made),
    }
    return line, all_loose.with_columns(seed=pl.lit(seed))


def _of(told: pl.DataFrame) -> float | None:
    return calibration_error(told["confidence"].to_numpy(), told["right"].to_numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30, help="number of tables")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--rows", type=int, default=1500, help="rows of a table, about")
    parser.add_argument("--proposals", help="write all proposals here (Parquet)")
    options = parser.parse_args()
    lines, parts = zip(*(trial(s, options.rows) for s in range(options.first, options.first + options.seeds)))
    told = pl.concat(parts)
    made = told.filter(pl.col("action") == "apply")
    wide = {"tbl_rows": -1, "tbl_cols": -1, "tbl_width_chars": 170, "float_precision": 3}
    with pl.Config(**wide, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        table = pl.DataFrame(lines, infer_schema_length=None)
        print(table)
        print(table.select(pl.all().exclude("seed", "wrong").mean()))
        for name, part in (("all proposals", told), ("applied at .5", made)):
            band = (pl.col("confidence") * BINS).floor().clip(0, BINS - 1) / BINS
            print(f"{name}: {len(part)}, ECE over all tables {_of(part):.3f}")
            print(part.group_by(band.alias("from")).agg(pl.len(), pl.col("confidence", "right").mean()).sort("from"))
        print(made.group_by("healer").agg(pl.len(), pl.col("confidence", "right").mean()).sort("healer"))
    if options.proposals:
        told.write_parquet(options.proposals)


if __name__ == "__main__":
    main()
