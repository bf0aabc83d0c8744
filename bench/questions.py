"""What a few answers are worth: repair with no labels, after answered questions, and after labelled rows.

    python bench/questions.py                      a generated table of customers
    python bench/questions.py --data DIR           DIR/<table>/dirty.csv and clean.csv, same rows in the same order

An oracle answers from the truth: of a question's options it takes the one that makes most of the cells it lists right,
and refuses where none makes more of them right than they were. Questions are asked one at a time, the most valuable
first, and the list is renewed after each answer. Labelled rows are those that `label` names, with the right values of
all their cells. Scores are those of `bench/cleaning.py`: cell-level and micro; labelled cells count as mended.
"""

from __future__ import annotations

import argparse
import html
import tempfile
import time
from pathlib import Path

import polars as pl
from cleaning import cells, f1, generated, normal

import kintsu as kt
from kintsu.learn.questions import Question
from kintsu.run.answer import answer
from kintsu.run.ask import ask
from kintsu.run.label import label
from kintsu.run.teach import teach

Grid = list[list[str]]


class Case:
    """One dirty table with its truth."""

    def __init__(self, folder: Path, *, numeric: bool, exclude: set[str]) -> None:
        self.path, self.numeric = folder / "dirty.csv", numeric
        self.names, self.dirty = self._read(self.path)
        _, self.clean = self._read(folder / "clean.csv")
        self.kept = [i for i, name in enumerate(self.names) if name not in exclude]
        self.at = {name: i for i, name in enumerate(self.names)}

    def _read(self, path: Path) -> tuple[list[str], Grid]:
        return cells(path)

    def same(self, a: str, b: str) -> bool:
        """Whether two cells compare as equal."""
        return a == b or normal(html.unescape(a), self.numeric) == normal(html.unescape(b), self.numeric)

    def score(self, healed: Path) -> tuple[float, float, float]:
        """Precision, recall and F1 of the repairs in a healed file."""
        _, mended = self._read(healed)
        made = right = errors = 0
        for d, c, h in zip(self.dirty, self.clean, mended, strict=True):
            for i in self.kept:
                wrong, changed = not self.same(d[i], c[i]), not self.same(d[i], h[i])
                errors += wrong
                made += changed
                right += wrong and changed and self.same(h[i], c[i])
        return f1(right, made, errors)

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


def line(name: str, mode: str, scores: tuple[float, float, float], seconds: float) -> dict[str, object]:
    precision, recall, both = scores
    return {"table": name, "mode": mode, "P": precision, "R": recall, "F1": both, "seconds": seconds}


def judge(
    folder: Path, case: Case, auto: float, asked: list[int], labelled: int, work: Path
) -> list[dict[str, object]]:
    """One line per mode."""
    name, lines, home = folder.name, [], work / f"{folder.name}.store"
    began = time.perf_counter()
    result = kt.heal(case.path, out=work / f"{name}.asked.csv", auto=auto, home=home)
    lines.append(line(name, "no labels", case.score(result.output), time.perf_counter() - began))
    began, most = time.perf_counter(), max(asked, default=0)
    for n in range(1, most + 1):
        found = ask(result.run, home=home, limit=1)
        if found:
            answer(result.run, found[0].question, case.choice(found[0]), home=home, by="oracle")
        if n in asked:
            lines.append(line(name, f"{n} questions", case.score(result.output), time.perf_counter() - began))
    if labelled:
        home, began = work / f"{name}.taught", time.perf_counter()
        result = kt.heal(case.path, out=work / f"{name}.taught.csv", auto=auto, home=home)
        rows = label(result.run, labelled, home=home)["row"].to_list()
        if rows:
            teach(result.run, case.labels(rows), home=home, by="oracle")
        lines.append(line(name, f"{labelled} rows", case.score(result.output), time.perf_counter() - began))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of folders with dirty.csv and clean.csv")
    parser.add_argument("--tables", default="", help="only these, comma separated")
    parser.add_argument("--numeric", default="", help="tables whose cells are compared as numbers, comma separated")
    parser.add_argument("--exclude", default="", help="identifier columns that are not scored, comma separated")
    parser.add_argument("--auto", type=float, nargs="*", default=[0.5])
    parser.add_argument("--questions", type=int, nargs="*", default=[3, 10, 20])
    parser.add_argument("--rows", type=int, default=20, help="labelled rows; 0: none")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = arguments.data or generated(work)
        numeric, exclude = set(arguments.numeric.split(",")), set(arguments.exclude.split(","))
        chosen = set(arguments.tables.split(",")) - {""}
        lines = []
        for place in sorted(path.parent for path in data.glob("*/dirty.csv")):
            if chosen and place.name not in chosen:
                continue
            case = Case(place, numeric=place.name in numeric, exclude=exclude)
            for auto in arguments.auto:
                each = work / str(auto)
                each.mkdir(exist_ok=True)
                told = judge(place, case, auto, arguments.questions, arguments.rows, each)
                lines += [{"auto": auto, **one} for one in told]
    with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_width_chars=140, float_precision=3, tbl_hide_dataframe_shape=True):
        print(pl.DataFrame(lines))


if __name__ == "__main__":
    main()
