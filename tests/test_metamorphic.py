"""What must not matter does not matter: names of columns, order of rows and columns, the letters, the scale of numbers.

The table has no column whose name says how its values are to be read; where a name carries a convention (`weight_g`
beside "12 kg") another name may rightly give another answer.
"""

import random
import string
from functools import cache

import polars as pl
import pytest

import kintsu as kt
from kintsu.core.policy import Policy, decide

ROWS = 400
WITHIN = 0.03
SHIFTED = str.maketrans(
    string.ascii_lowercase + string.ascii_uppercase,
    string.ascii_lowercase[7:] + string.ascii_lowercase[:7] + string.ascii_uppercase[7:] + string.ascii_uppercase[:7],
)


def word(rng, syllables):
    return "".join(rng.choice("bdfgklmnprst") + rng.choice("aeiou") for _ in range(syllables)).capitalize()


def clean_table():
    rng = random.Random(3)
    towns = {f"{rng.randrange(10000, 99999)}": (word(rng, 4), word(rng, 3)) for _ in range(25)}
    kinds = [word(rng, 3) for _ in range(6)]
    codes = [rng.choice(list(towns)) for _ in range(ROWS)]
    return pl.DataFrame(
        {
            "ticket": [f"TK-{4000 + 7 * i:05d}" for i in range(ROWS)],
            "zone": codes,
            "town": [towns[c][0] for c in codes],
            "region": [towns[c][1] for c in codes],
            "kind": [rng.choice(kinds) for _ in range(ROWS)],
            "amount": [f"{rng.uniform(5, 95):.2f}" for _ in range(ROWS)],
            "day": [f"2023-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}" for _ in range(ROWS)],
        }
    )


def spoilt(text, rng):
    i = rng.randrange(len(text) - 1)
    return rng.choice([text + " ", f"'{text}'", text[:i] + text[i + 1] + text[i] + text[i + 2 :], text + " (old)"])


def dirty_of(clean):
    rng = random.Random(8)
    columns = {name: clean[name].to_list() for name in clean.columns}
    for row in range(0, ROWS, 3):
        name = rng.choice(clean.columns)
        text = columns[name][row]
        if name == "amount":
            columns[name][row] = rng.choice([text.replace(".", ","), f"{text} "])
        elif name == "region":
            columns[name][row] = None
        else:
            columns[name][row] = spoilt(text, rng)
    return pl.DataFrame(columns)


def f1(dirty, clean):
    """Repair F1 at the threshold 0.5."""
    result = kt.heal(dirty, dry_run=True, crash_test=False)
    decided = decide(result.decisions, result.recipes, Policy(auto=0.5), rows=len(dirty), columns=dirty.width)
    applied = decided.filter((pl.col("action") == "apply") & (pl.col("edit") == "set"))
    made = list(applied.select("row", "column", "new").iter_rows())
    right = sum(clean[column][row] == new for row, column, new in made)
    wrong = sum(int((~dirty[name].eq_missing(clean[name])).sum()) for name in dirty.columns)
    return 2 * right / (len(made) + wrong)


@cache
def pair():
    clean = clean_table()
    return dirty_of(clean), clean


@cache
def usual():
    return f1(*pair())


def letters(frame):
    return frame.select(
        pl.Series(c.name, [None if t is None else t.translate(SHIFTED) for t in c.to_list()]) for c in frame
    )


def scaled(frame):
    def times(text):
        mark = "," if "," in text else "."
        tail = text[len(text.rstrip()) :]
        return f"{4 * float(text.replace(',', '.')):.2f}".replace(".", mark) + tail

    return frame.with_columns(amount=pl.Series([times(t) for t in frame["amount"].to_list()]))


def shuffled(frame):
    return frame[random.Random(1).sample(range(len(frame)), len(frame))]


CHANGES = {
    "columns renamed": lambda f: f.rename({name: f"c{i + 1}" for i, name in enumerate(f.columns)}),
    "columns permuted": lambda f: f.select(random.Random(2).sample(f.columns, len(f.columns))),
    "rows permuted": shuffled,
    "letters mapped": letters,
    "numbers scaled": scaled,
}


def test_the_table_is_mended_well_to_begin_with():
    assert usual() >= 0.85


@pytest.mark.parametrize("change", CHANGES)
def test_repairs_do_not_depend_on(change):
    dirty, clean = pair()
    moved = f1(CHANGES[change](dirty), CHANGES[change](clean))
    assert abs(moved - usual()) <= WITHIN
