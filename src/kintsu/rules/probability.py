"""From the votes on a cell to a probability, and to a sentence that says why. Expressions over `rules.judge.JUDGED`."""

from __future__ import annotations

import polars as pl

from kintsu.core.phrase import number_of, phrase, quoted

__all__ = ["contradiction", "evidence", "probability"]

GUILT = 3.0  # log odds of one witness of full strength
VARIOUS = 0.5  # share of rows with another value that their group repeats, from which a group has no one value


def probability() -> pl.Expr:
    """Probability that `new` is right.

    Two logistic curves, for cells with another value and for empty ones. Their coefficients were fitted, rounded and
    tempered over made-up and public tables of a dozen domains with 0.1 to 50 % errors, every column with equal weight.
    """
    return _alone() * _told_apart() * _guilt() * _likely(_dissent() - _commonness())


def contradiction() -> pl.Expr:
    """Probability that the row contradicts the others, and that nothing acquits this cell; at least `probability`.

    How common the old value is says which of the two cells is wrong, not whether one of them is. So it does not count
    here, and a cell is acquitted only where the rest of its row speaks against the key.
    """
    undecided = (2 * _guilt()).clip(0, 1)
    return _alone() * _told_apart() * undecided * _likely(_dissent() - _commonness().clip(upper_bound=0))


def _dissent() -> pl.Expr:
    """Log odds that a row with this key should have `new`, but for how common the old value is."""
    evidence = (pl.col("votes") - pl.col("old_votes")) / (pl.col("votes") + pl.col("old_votes") + 1).sqrt()
    weighed = evidence * pl.col("strength")
    backing = pl.col("backing").clip(-3, 3)
    strength_log_odds = (pl.col("strength") + 0.01).log() - (1.01 - pl.col("strength")).log()
    # a weak dependency and a few votes: the group may well hold several values by right
    thin = (1 - pl.col("strength")) / (pl.col("votes") + 1).sqrt()
    alone = (pl.col("votes") <= 1).cast(pl.Float64)  # one row against one: either may be wrong
    # sources that copy each other repeat their errors: then the majority is no proof
    copied = 2.0 * pl.col("copied")
    changed = (
        -2.2
        + 0.75 * pl.col("lead").clip(upper_bound=8)
        + 0.2 * weighed
        + 1.3 * backing
        + 0.8 * pl.col("likeness")
        - 4.0 * thin
        - 1.5 * alone
        - copied
    )
    filled = 0.1 + 0.9 * strength_log_odds + 0.25 * weighed + 1.2 * backing - 2.0 * thin - copied - alone
    return pl.when(pl.col("missing")).then(filled).otherwise(changed)


def _commonness() -> pl.Expr:
    """Log odds that a cell is right because other rows have its value, too; above 0 where they are many."""
    commoner = (pl.col("new_seen").log1p() - pl.col("old_seen").log1p()).clip(-2, 2)
    return pl.when(pl.col("missing")).then(0.0).otherwise(0.15 * pl.col("old_seen").log1p() - 0.5 * commoner)


def _alone() -> pl.Expr:
    """Near 0 where rows have other values than their group's commonest one, repeat each other and not so elsewhere.

    Then several values are right beside one key (an article at several discounts), and the commonest of them is the
    likeliest and no more. Where all columns are as mixed, it is by errors.
    """
    return 1 - (pl.col("varied") / VARIOUS).pow(2).clip(0, 1)


def _told_apart() -> pl.Expr:
    """Half where a third value has nearly as many votes."""
    return 1 - 0.5 * ((pl.col("rival") - 0.5) / 0.3).clip(0, 1)


def _likely(log_odds: pl.Expr) -> pl.Expr:
    return 1 / (1 + (-log_odds).exp())


def _guilt() -> pl.Expr:
    """Probability that this cell is the wrong one, and not the key that it contradicts.

    A value that other rows have, too, may be right in a row whose key is wrong: the other cells of the row decide. A
    witness counts about as much as it would if nine in ten cells were right and one in ten values agreed by chance.
    """
    is_legal = ((pl.col("old_seen") - 1) / 2).clip(0, 1) * (2 * pl.col("settled")).clip(0, 1)
    return 1 - is_legal * (1 - 1 / (1 + (-GUILT * pl.col("backing")).exp()))


def evidence() -> pl.Expr:
    """One sentence per judged cell: how many others with the same key have the new value."""
    said = phrase(
        "{} of {} with {} {} have {}",
        "votes",
        number_of("voters", "other row", "other rows"),
        "side",
        quoted("key"),
        quoted("new"),
    )
    ending = (
        pl.when("missing").then(pl.lit("; this cell is empty")).otherwise(phrase("; this one has {}", quoted("old")))
    )
    return pl.concat_str(said, ending)
