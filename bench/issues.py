"""Train and measure the classifier that names the issue of a batch.

    python bench/issues.py train --out src/kintsu/monitor/classify/issues.npz [--cases cases.npz]
    python bench/issues.py leave-out --cases cases.npz
    python bench/issues.py evaluate --harness batch_faults.py --table taxis.parquet --sort pickup --batch-size 60
    python bench/issues.py orders --clean orders.parquet --damaged DIR

`train` makes labelled batches of public tables (bench/issue_tables.py; kept in --cases to train again), measures on
tables left out, trains on all and writes the model. `leave-out` trains without one kind of fault at a time.
`evaluate` reads the faults of another generator: a module with `cut`, `cases` and `ISSUE`. `orders` reads a third one's
tables: DIR holds KIND.parquet, the clean table of the same seed with the errors of one kind.
"""

from __future__ import annotations

import argparse
import importlib.util
import pathlib
import sys
import time
import zlib
from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
from issue_tables import tables

from kintsu.monitor.baseline import learn
from kintsu.monitor.classify.cases import CLEAN, Case, Cases, case, cases_of, concat, gathered
from kintsu.monitor.classify.faults import FAULTS
from kintsu.monitor.classify.model import CLASSES, FACTS, IssueModel, shipped_model
from kintsu.monitor.classify.train import (
    Parameters,
    calibration_error,
    fit,
    fit_uncalibrated,
    fold_of,
    macro_f1,
    product_names,
)
from kintsu.monitor.issue import ISSUES
from kintsu.monitor.measure import measure

SHIPPED_ROUNDS = 3
ORDERS = {
    "missing": "missing", "missing_flood": "missing", "outlier": "outlier", "typo": "pattern", "format": "pattern",
    "type": "type_mismatch", "fd": "drift", "duplicate": "duplicates", "near_duplicate": "duplicates", "drift": "drift",
}  # fmt: skip


def make_cases(rounds: int) -> Cases:
    parts = []
    for name, frame in tables().items():
        began = time.process_time()
        made = cases_of(name, frame, zlib.crc32(name.encode()), rounds=rounds)
        if made is not None:
            parts.append(made)
            print(f"{name}: {len(made)} cases, {time.process_time() - began:.1f} s", flush=True)
    return concat(parts)


def held_cases(path: pathlib.Path | None, rounds: int) -> Cases:
    if path is not None and path.exists():
        return Cases.load(path)
    made = make_cases(rounds)
    if path is not None:
        made.save(path)
    return made


def train(a: argparse.Namespace) -> None:
    cases = held_cases(a.cases, a.rounds)
    names, n = np.unique(cases.table, return_counts=True)
    window = {name: {"cases": int(k)} for name, k in zip(names.tolist(), n, strict=True)}
    began = time.process_time()
    model, scored = fit(
        cases, Parameters(n_networks=a.networks), {"tables": window, "rounds": a.rounds, "split": "tables"}
    )
    model.save(a.out)
    print(f"{len(cases)} cases of {len(names)} tables, {time.process_time() - began:.0f} s CPU of training; "
          f"{a.out.stat().st_size / 1e6:.2f} MB")  # fmt: skip
    tell(cases, scored.probabilities)


def probabilities(model: IssueModel, cases: Cases) -> np.ndarray:
    """Of each of `ISSUES`: facts where the schema has any."""
    out = np.zeros((len(cases), len(ISSUES)))
    is_open = cases.fact == ""
    out[np.ix_(is_open, [ISSUES.index(c) for c in CLASSES])] = model.probabilities(cases.x[is_open].astype(np.float64))
    for fact in FACTS:
        mine = cases.fact == fact
        out[mine] = (1 - model.facts[fact]) / (len(ISSUES) - 1)
        out[mine, ISSUES.index(fact)] = model.facts[fact]
    return out


def tell(cases: Cases, p: np.ndarray) -> None:
    """All the figures, as tables in Markdown."""
    seen = cases.alarm | (cases.kind == CLEAN)
    faulty = cases.kind != CLEAN
    guess = np.array(ISSUES)[p.argmax(1)]
    named, sure = product_names(p, cases.alarm)
    everything = np.ones(len(cases), dtype=bool)
    print(f"\n{len(cases)} cases, {faulty.sum()} faults of which {cases.alarm[faulty].mean():.3f} alarm, "
          f"{(~faulty).sum()} clean of which {cases.alarm[~faulty].mean():.3f} alarm\n")  # fmt: skip
    print("| | cases | macro-F1 | accuracy | ECE |\n|---|---:|---:|---:|---:|")
    for name, said, confidence, part in (
        ("classifier alone, all", guess, p.max(1), everything),
        ("classifier alone, faults that alarm and clean", guess, p.max(1), seen),
        ("judgement, all", named, sure, everything),
        ("judgement, faults that alarm and clean", named, sure, seen),
        ("judgement, faults that alarm", named, sure, faulty & cases.alarm),
        ("rules, faults that alarm and clean", cases.rule, None, seen),
        ("rules, faults that alarm", cases.rule, None, faulty & cases.alarm),
    ):
        right = said[part] == cases.issue[part]
        ece = "" if confidence is None else f"{calibration_error(confidence[part], right):.3f}"
        f1 = macro_f1(cases.issue[part], said[part])[0]
        print(f"| {name} | {part.sum()} | {f1:.3f} | {right.mean():.3f} | {ece} |")
    print("\n| issue | precision | recall | F1 | of all: alone P | R | F1 |\n|---|---:|---:|---:|---:|---:|---:|")
    _, mine = macro_f1(cases.issue[seen], named[seen])
    _, alone = macro_f1(cases.issue, guess)
    for issue in mine:
        print(f"| {issue} | " + " | ".join(f"{v:.3f}" for v in (*mine[issue], *alone[issue])) + " |")
    print("\n| kind | issue | cases | alarm | right of those | rules | alone, of all | read as |")
    print("|---|---|---:|---:|---:|---:|---:|---|")
    for kind in sorted(set(cases.kind.tolist()), key=lambda k: (str(cases.issue[cases.kind == k][0]), k)):
        here = cases.kind == kind
        hit = here & cases.alarm
        wrong = Counter(named[hit & (named != cases.issue)].tolist()).most_common(3)
        shares = [(x == cases.issue)[hit].mean() if hit.any() else float("nan") for x in (named, cases.rule)]
        print(f"| {kind} | {cases.issue[here][0]} | {here.sum()} | {cases.alarm[here].mean():.2f} | {shares[0]:.3f} | "
              f"{shares[1]:.3f} | {(guess == cases.issue)[here].mean():.3f} | "
              f"{', '.join(f'{k} {n}' for k, n in wrong)} |")  # fmt: skip


def leave_out(a: argparse.Namespace) -> None:
    """Train without one kind at a time on four fifths of the tables, and name that kind on the rest."""
    cases = Cases.load(a.cases)
    few = Parameters(n_rounds=60, n_forest=30)
    fold = fold_of(cases.table, few.n_folds)
    ours, theirs = cases[fold > 1], cases[(fold <= 1) & cases.alarm & (cases.kind != CLEAN)]
    whole = named_by(fit_uncalibrated(ours, few), theirs)
    print("| kind | issue | cases that alarm | right | with it in training | read as |\n|---|---|---:|---:|---:|---|")
    found = []
    for kind in sorted(set(cases.kind[cases.fact == ""].tolist()) - {CLEAN}, key=lambda k: (FAULTS[k].issue, k)):
        here = (theirs.kind == kind) & (theirs.fact == "")
        if FAULTS[kind].issue in FACTS or not here.any():
            continue
        part = theirs[here]
        named = named_by(fit_uncalibrated(ours[ours.kind != kind], few), part)
        right = named == part.issue
        found.append(right.mean())
        wrong = Counter(named[~right].tolist()).most_common(3)
        known, read_as = (whole[here] == part.issue).mean(), ", ".join(f"{k} {n}" for k, n in wrong)
        print(f"| {kind} | {FAULTS[kind].issue} | {len(part)} | {right.mean():.2f} | {known:.2f} | {read_as} |")
    print(f"\nmean over kinds {np.mean(found):.3f}, {np.mean(np.array(found) >= 0.9):.2f} of the kinds at least .9")


def named_by(model: IssueModel, cases: Cases) -> np.ndarray:
    return product_names(probabilities(model, cases), cases.alarm)[0]


def foreign_cases(a: argparse.Namespace) -> Cases:
    """What another generator of faults does to a table."""
    spec = importlib.util.spec_from_file_location("harness", a.harness)
    harness: Any = importlib.util.module_from_spec(spec)
    sys.modules["harness"] = harness
    spec.loader.exec_module(harness)
    frame = pl.read_parquet(a.table)
    frame = frame.sort(a.sort, maintain_order=True) if a.sort else frame
    batches = harness.cut(frame, date=a.date, batch_size=a.batch_size)
    history, baseline, out = None, None, []
    for one in harness.cases(batches, history=30, steps=a.steps):
        if one.history is not history:
            history = one.history
            baseline = learn([measure(b.frame, due=b.due, arrived=b.arrived) for b in history])
        b = one.batch
        out.append(case(baseline, measure(b.frame, due=b.due, arrived=b.arrived), b.kind, b.issue))
    return gathered(out, a.table.stem, "")


def order_cases(a: argparse.Namespace) -> Cases:
    """What the errors of a generator of orders do to its days."""

    def days(path: pathlib.Path) -> dict[Any, pl.DataFrame]:
        frame = pl.read_parquet(path)
        parts = frame.with_columns(day=pl.col("created_at").dt.truncate("1d")).partition_by("day", as_dict=True)
        return {day[0]: part.drop("day") for day, part in sorted(parts.items())}

    clean = days(a.clean)
    names = list(clean)
    steps = [names[i] for i in np.linspace(30, len(names) - 1, a.steps).astype(int)]
    measured_days: dict[Any, Any] = {}

    def measured(day: Any, frame: pl.DataFrame) -> Any:
        return measure(frame, due=day + timedelta(days=1))

    def baseline_of(day: Any) -> Any:
        at = names.index(day)
        for past in names[at - 30 : at]:
            measured_days.setdefault(past, measured(past, clean[past]))
        return learn([measured_days[past] for past in names[at - 30 : at]])

    out: list[Case] = []
    for day in steps:
        out.append(case(baseline_of(day), measured(day, clean[day]), CLEAN, "none"))
    for path in sorted(a.damaged.glob("*.parquet")):
        kind = path.name.split(".")[0]
        if kind not in ORDERS or path.name.endswith(".truth.parquet"):
            continue
        damaged = days(path)
        hit = [d for d in names[30:] if d in damaged and not damaged[d].equals(clean[d])]
        for i in sorted(set(np.linspace(0, len(hit) - 1, min(a.steps, len(hit))).astype(int).tolist())):
            out.append(case(baseline_of(hit[i]), measured(hit[i], damaged[hit[i]]), kind, ORDERS[kind]))
    return gathered(out, "orders", "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    own = verbs.add_parser("train")
    own.add_argument("--out", type=pathlib.Path, required=True)
    own.add_argument("--rounds", type=int, default=SHIPPED_ROUNDS)
    own.add_argument("--networks", type=int, default=0, help="for each issue; the shipped model has none")
    out = verbs.add_parser("leave-out")
    for verb in (own, out):
        verb.add_argument("--cases", type=pathlib.Path, help="read from there, or kept there")
    other, orders = verbs.add_parser("evaluate"), verbs.add_parser("orders")
    other.add_argument("--harness", type=pathlib.Path, required=True)
    other.add_argument("--table", type=pathlib.Path, required=True)
    other.add_argument("--sort")
    other.add_argument("--date")
    other.add_argument("--batch-size", type=int)
    orders.add_argument("--clean", type=pathlib.Path, required=True)
    orders.add_argument("--damaged", type=pathlib.Path, required=True)
    for verb in (other, orders):
        verb.add_argument("--steps", type=int, default=30)
        verb.add_argument("--keep", type=pathlib.Path, help="write (or read) the cases there")
        verb.add_argument("--model", type=pathlib.Path)
    a = parser.parse_args()
    if a.verb == "train":
        train(a)
    elif a.verb == "leave-out":
        leave_out(a)
    else:
        if a.keep and a.keep.exists():
            cases = Cases.load(a.keep)
        else:
            cases = foreign_cases(a) if a.verb == "evaluate" else order_cases(a)
            if a.keep:
                cases.save(a.keep)
        model = IssueModel.load(a.model) if a.model else shipped_model()
        tell(cases, probabilities(model, cases))


if __name__ == "__main__":
    main()
