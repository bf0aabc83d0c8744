"""How well are dirty tables mended, with no labels, after answers, after labelled rows; and is it known how well?

    python bench/cleaning.py                      a generated table of customers
    python bench/cleaning.py --data DIR           DIR/<table>/dirty.csv and clean.csv, same rows in the same order

Scores are cell-level and micro, as in the literature on error detection and repair: cells are compared as text after
HTML entities are read and white space is collapsed; columns are matched by position; a repair is right where the healed
cell equals the clean one. `--numeric TABLE,...` compares the named tables as numbers where both cells are numbers.

Repair is at `--auto 0.5`, "applied" is the default threshold 0.95. An oracle answers from the truth: of a question's
options it takes the one that makes most of the cells it lists right, and refuses where none makes more of them right
than they were. Questions are asked one at a time, the most valuable first, and the list is renewed after each answer.
Labelled rows are those that `label` names, with the right values of all their cells; labelled cells count as mended.

Calibration is over all proposals, applied (`--changes`) and suggested (`--suggestions`): the expected calibration error
of ten bins of equal width, weighted by their proposals, and the same for what is applied at 0.5. A reliability plot is
written as SVG. The crash test's forecast stands beside the real figures. Peak memory is of one process per table.
"""

from __future__ import annotations

import argparse
import csv
import html
import re
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import kintsu as kt
from kintsu.learn.questions import Question
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.label import label
from kintsu.run.teach import teach

SPACES = re.compile(r"\s+")
BINS = 10
Grid = list[list[str]]
Line = dict[str, Any]


def cells(path: Path) -> tuple[list[str], Grid]:
    """Header and rows of a CSV file as text."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = csv.reader(file)
    return header, [row for row in rows if row]


def normal(text: str, numeric: bool) -> str:
    """The cell as it is compared."""
    text = SPACES.sub(" ", text).strip()
    if numeric:
        try:
            return f"{float(text):.9g}"
        except ValueError:
            pass
    return text


def f1(right: int, made: int, wanted: int) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean; 0 where undefined."""
    p, r = right / made if made else 0.0, right / wanted if wanted else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


class Case:
    """One dirty table with its truth."""

    def __init__(self, folder: Path, *, numeric: bool, exclude: set[str], tolerance: float = 0.0) -> None:
        self.path, self.numeric = folder / "dirty.csv", numeric
        self.names, self.dirty = cells(self.path)
        _, self.clean = cells(folder / "clean.csv")
        self.kept = [i for i, name in enumerate(self.names) if name not in exclude]
        self.at = {name: i for i, name in enumerate(self.names)}
        self.slack = {i: self._slack(i, tolerance) for i in self.kept}
        self.errors = {
            (row, i)
            for row, line in enumerate(self.dirty)
            for i in self.kept
            if not self.same(line[i], self.truth(row, i))
        }

    def _slack(self, i: int, share: float) -> float:
        """`share` of the range in which nine of ten numbers of the clean column lie."""
        numbers = pl.Series([row[i] for row in self.clean], dtype=pl.String).cast(pl.Float64, strict=False).drop_nulls()
        low, high = numbers.quantile(0.05), numbers.quantile(0.95)
        return share * (high - low) if share and low is not None and high is not None else 0.0

    def truth(self, row: int, i: int) -> str:
        return self.clean[row][i]

    def same(self, a: str, b: str) -> bool:
        """Whether two cells compare as equal."""
        return a == b or normal(html.unescape(a), self.numeric) == normal(html.unescape(b), self.numeric)

    def is_right(self, row: int, i: int, new: str) -> bool:
        """Whether a value is the clean one, or a number within the tolerance of it."""
        clean = self.truth(row, i)
        if self.same(new, clean):
            return True
        try:
            return self.slack[i] > 0 and abs(float(new) - float(clean)) <= self.slack[i]
        except ValueError:
            return False

    def score(self, healed: Path) -> tuple[float, float, float]:
        """Precision, recall and F1 of the repairs in a healed file."""
        _, mended = cells(healed)
        made = right = 0
        for row, (d, h) in enumerate(zip(self.dirty, mended, strict=True)):
            for i in self.kept:
                changed = not self.same(d[i], h[i])
                made += changed
                right += changed and (row, i) in self.errors and self.is_right(row, i, h[i])
        return f1(right, made, len(self.errors))

    def detection(self, found: set[tuple[int, str]]) -> tuple[float, float, float]:
        """Precision, recall and F1 of flagged cells (row, column)."""
        flagged = {(row, self.at[name]) for row, name in found if self.at.get(name) in self.slack}
        return f1(len(flagged & self.errors), len(flagged), len(self.errors))

    def proposals(self, *files: Path) -> tuple[np.ndarray, np.ndarray]:
        """Confidence of every proposal in files of changes or suggestions, and whether it is right."""
        told = []
        for file in files:
            with file.open(newline="", encoding="utf-8") as lines:
                for line in csv.DictReader(lines):
                    i = self.at.get(line["column"])
                    if line["edit"] != "set" or i not in self.slack or not line["confidence"]:
                        continue
                    row = int(line["row"])
                    if not self.same(line["new"], self.dirty[row][i]):
                        told.append((float(line["confidence"]), self.is_right(row, i, line["new"])))
        pairs = np.array(told, dtype=float).reshape(-1, 2)
        return pairs[:, 0], pairs[:, 1]

    def right(self, effect: pl.DataFrame) -> int:
        """How many cells an option makes right."""
        known = effect.drop_nulls("column").select("row", "column", pl.col("new").fill_null(""))
        return sum(self.same(new, self.clean[row][self.at[column]]) for row, column, new in known.iter_rows())

    def choice(self, question: Question) -> str:
        """The option that the oracle takes."""
        counted = {option.option: self.right(option.effect) for option in question.options}
        return max(counted, key=lambda name: (counted[name], name == "reject"))

    def labels(self, rows: list[int]) -> pl.DataFrame:
        """The truth about whole rows; a value that compares as equal is left as it is."""
        told = [
            (r, name, self.dirty[r][i] if self.same(self.dirty[r][i], self.clean[r][i]) else self.clean[r][i])
            for r in rows
            for i, name in enumerate(self.names)
            if i in self.kept
        ]
        return pl.DataFrame(told, schema=["row", "column", "value"], orient="row")


def bins(sure: np.ndarray, right: np.ndarray) -> list[tuple[int, float, float]]:
    """Number, mean confidence and share of right proposals of each bin that holds any."""
    at = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [(int((at == b).sum()), float(sure[at == b].mean()), float(right[at == b].mean())) for b in np.unique(at)]


def calibration_error(sure: np.ndarray, right: np.ndarray) -> float | None:
    """Expected calibration error; None without proposals."""
    return sum(n * abs(a - b) for n, a, b in bins(sure, right)) / len(sure) if len(sure) else None


class Session:
    """One heal of one table at one threshold, and what is asked and taught after it."""

    def __init__(self, case: Case, auto: float, work: Path) -> None:
        self.case, self.home, self.began = case, work / "store", time.perf_counter()
        work.mkdir(parents=True)
        self.findings, self.changes, self.suggestions = (work / f"{name}.csv" for name in "fcs")
        files = {"findings": self.findings, "changes": self.changes, "suggestions": self.suggestions}
        self.result = kt.heal(case.path, out=work / "healed.csv", auto=auto, home=self.home, **files)
        self.seconds = time.perf_counter() - self.began

    def ask(self) -> None:
        """One question, answered by the oracle."""
        found = ask(self.result.run, home=self.home, limit=1)
        if found:
            answer(self.result.run, found[0].question, self.case.choice(found[0]), home=self.home, by="oracle")

    def teach(self, rows: int) -> None:
        """The truth about the rows that are worth labelling most."""
        named = label(self.result.run, rows, home=self.home)["row"].to_list()
        if named:
            teach(self.result.run, self.case.labels(named), home=self.home, by="oracle")

    def score(self) -> tuple[float, float, float]:
        return self.case.score(self.result.output)

    def forecast(self) -> tuple[float | None, float | None]:
        """Precision and recall that the crash test expects of this heal."""
        crash = self.result.report_data()["crash"]
        return (crash["repair"]["precision"], crash["repair"]["recall"]) if crash else (None, None)


def line(table: str, mode: str, even: Session, sure: Session) -> Line:
    """The figures of one mode."""
    with even.findings.open(newline="", encoding="utf-8") as file:
        told = [(one["row"], one["column"]) for one in csv.DictReader(file)]
    found = {(int(row), column) for row, column in told if row and column}
    (p, r, both), applied = even.score(), sure.score()
    kept, offered = even.case.proposals(even.changes), even.case.proposals(even.changes, even.suggestions)
    return {
        "table": table,
        "mode": mode,
        "detect F1": even.case.detection(found)[2],
        "repair P": p,
        "repair R": r,
        "repair F1": both,
        "applied P": applied[0],
        "applied R": applied[1],
        "proposals": len(offered[0]),
        "ECE": calibration_error(*offered),
        "ECE at .5": calibration_error(*kept),
        "seconds": even.seconds,
    }


def judge(folder: Path, options: argparse.Namespace) -> tuple[list[Line], Line, list[tuple[int, float, float]]]:
    """The lines of all modes of one table, the forecast beside the real figures, and the reliability bins."""
    name = folder.name
    slack = dict(part.split("=") for part in options.tolerance.split(",") if part)
    case = Case(folder, numeric=name in options.numeric.split(","), exclude=set(options.exclude.split(",")),
                tolerance=float(slack.get(name, 0)))  # fmt: skip
    lines = []
    with tempfile.TemporaryDirectory() as place:
        both = [Session(case, auto, Path(place) / f"asked{auto}") for auto in (0.5, 0.95)]
        lines.append(line(name, "no labels", *both))
        forecast = {"table": name}
        for session, auto in zip(both, (0.5, 0.95), strict=True):
            (p, r), real = session.forecast(), session.score()
            forecast |= {f"P {auto}": real[0], f"expected P {auto}": p, f"R {auto}": real[1], f"expected R {auto}": r}
        told = bins(*case.proposals(both[0].changes, both[0].suggestions))
        for n in range(1, max(options.questions, default=0) + 1):
            for session in both:
                began = time.perf_counter()
                session.ask()
                session.seconds += time.perf_counter() - began
            if n in options.questions:
                lines.append(line(name, f"{n} questions", *both))
        if options.rows:
            both = [Session(case, auto, Path(place) / f"taught{auto}") for auto in (0.5, 0.95)]
            for session in both:
                session.teach(options.rows)
                session.seconds = time.perf_counter() - session.began
            lines.append(line(name, f"{options.rows} rows", *both))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [one | {"peak MiB": peak} for one in lines], forecast, told


def reliability(tables: dict[str, list[tuple[int, float, float]]]) -> str:
    """One square per table: share of right proposals over their confidence; an area is a number of proposals."""
    side, gap, parts = 160, 34, []
    for k, (name, told) in enumerate(tables.items()):
        x0, total = k * (side + gap) + gap, max(sum(n for n, _, _ in told), 1)
        parts.append(
            f'<g transform="translate({x0} {gap})"><rect width="{side}" height="{side}" fill="none" stroke="#888"/>'
            f'<path d="M0 {side}L{side} 0" stroke="#bbb"/><text y="-8">{html.escape(name)}, {total:,}</text>'
            + "".join(
                f'<circle cx="{a * side:.1f}" cy="{(1 - b) * side:.1f}" r="{2 + 14 * (n / total) ** 0.5:.1f}" '
                f'fill="#b8860b" fill-opacity=".6"><title>{n} proposals: {a:.3f} sure, {b:.3f} right</title></circle>'
                for n, a, b in told
            )
            + "</g>"
        )
    size = f'width="{len(tables) * (side + gap) + gap}" height="{side + 2 * gap}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="12">'
    return f"{head}{''.join(parts)}</svg>\n"


def generated(work: Path) -> Path:
    """A folder with one generated table and its truth."""
    from kintsu.run.generate import generate

    folder = work / "data" / "customers"
    folder.mkdir(parents=True)
    made = generate("customers", rows=3000, seed=11, errors=0.02)
    copies = made.truth.filter(pl.col("kind") == "duplicate")["row"].implode()
    rows = made.dirty.with_row_index("__row").filter(~pl.col("__row").is_in(copies)).drop("__row")
    rows.write_csv(folder / "dirty.csv")
    made.clean.write_csv(folder / "clean.csv")
    return folder.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of folders with dirty.csv and clean.csv")
    parser.add_argument("--tables", default="", help="only these, comma separated")
    parser.add_argument("--numeric", default="", help="tables whose cells are compared as numbers, comma separated")
    parser.add_argument(
        "--tolerance", default="", metavar="TABLE=SHARE,...", help="share of a column's range that may differ"
    )
    parser.add_argument("--exclude", default="", help="identifier columns that are not scored, comma separated")
    parser.add_argument("--questions", type=int, nargs="*", default=[10, 20])
    parser.add_argument("--rows", type=int, default=20, help="labelled rows; 0: none")
    parser.add_argument(
        "--plot", type=Path, default=Path("reliability.svg"), help="where the reliability plot is written"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        data = options.data or generated(Path(place))
        chosen = set(options.tables.split(",")) - {""}
        folders = [
            p.parent.resolve() for p in sorted(data.glob("*/dirty.csv")) if not chosen or p.parent.name in chosen
        ]
        # a process for each table, so that each has its own peak memory
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
            judged = list(pool.map(judge, folders, [options] * len(folders)))
    options.plot.write_text(reliability({f.name: told for f, (_, _, told) in zip(folders, judged, strict=True)}))
    wide = {"tbl_rows": -1, "tbl_cols": -1, "tbl_width_chars": 190, "float_precision": 3}
    with pl.Config(**wide, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        print(pl.DataFrame([one for lines, _, _ in judged for one in lines], infer_schema_length=None))
        forecasts = pl.DataFrame([one for _, one, _ in judged], infer_schema_length=None)
        print(forecasts)
        for auto in (0.5, 0.95):
            apart = {x: (forecasts[f"{x} {auto}"] - forecasts[f"expected {x} {auto}"]).abs().median() for x in "PR"}
            print(f"--auto {auto}: median distance of forecast and figure: precision {apart['P']}, recall {apart['R']}")


if __name__ == "__main__":
    main()
