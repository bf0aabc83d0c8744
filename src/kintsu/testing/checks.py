"""The laws of each contract, as functions that a plug-in's test can call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from kintsu.core.batch import Batch
from kintsu.core.contracts import Notifier
from kintsu.core.errors import NotifyError
from kintsu.core.frames import FINDINGS, REPAIRS, Schema
from kintsu.core.notice import Notice

__all__ = ["check_detector", "check_healer", "check_notifier", "check_summary"]


def _same(a: pl.DataFrame, b: pl.DataFrame, law: str) -> None:
    """Equal as sets of lines; scores to 1e-9, since sums over other orders differ in the last digits."""
    order = [name for name in a.columns if a[name].dtype != pl.Float64]
    try:
        assert_frame_equal(a.sort(order, nulls_last=True), b.sort(order, nulls_last=True), rel_tol=1e-9, abs_tol=1e-9)
    except AssertionError as error:
        raise AssertionError(f"{law}: {error}") from error


def _cut(batch: Batch, index: pl.Series) -> Batch:
    return Batch(batch.table, batch.frame[index], batch.row.gather(index), batch.decimal_comma)


def _check_schema(frame: pl.DataFrame, schema: Schema, batch: Batch) -> None:
    assert list(frame.schema.items()) == [(n, t()) if isinstance(t, type) else (n, t) for n, t in schema.items()], (
        frame.schema
    )
    assert frame["score"].is_between(0, 1).all(), "scores lie in [0, 1]"
    rows = frame["row"].drop_nulls()
    assert rows.is_in(batch.row.implode()).all(), "every row is a row of the batch"
    columns = set(frame["column"].drop_nulls().unique())
    assert columns <= set(batch.columns), f"unknown columns {columns - set(batch.columns)}"


def _parts(batch: Batch) -> tuple[Batch, Batch, Batch]:
    """The batch backwards, and its two halves by even and odd position."""
    index = pl.int_range(0, len(batch), eager=True)
    return (
        _cut(batch, index.reverse()),
        _cut(batch, index.filter(index % 2 == 0)),
        _cut(batch, index.filter(index % 2 == 1)),
    )


def check_detector(detector: Any, batch: Batch, reference: Any) -> None:
    """Schema, scores, determinism, any order and any split of the rows, the empty batch.

    Findings about whole columns (null row) are compared once, not summed over parts.
    """
    model = detector.train(reference)
    found = detector.find(batch, model, reference)
    _check_schema(found, FINDINGS, batch)
    _same(found, detector.find(batch, detector.train(reference), reference), "training twice gives the same findings")
    backwards, even, odd = _parts(batch)
    _same(found, detector.find(backwards, model, reference), "rows in another order give the same findings")
    halves = pl.concat([detector.find(part, model, reference) for part in (even, odd)]).unique()
    _same(found.unique(), halves, "rows in two batches give the same findings")
    nothing = detector.find(_cut(batch, pl.Series([], dtype=pl.Int64)), model, reference)
    assert not len(nothing.drop_nulls("row")), "an empty batch has no findings in rows"


def check_healer(healer: Any, batch: Batch, findings: pl.DataFrame, reference: Any) -> None:
    """Schema, known recipes, old values as read, nothing proposed that changes nothing, determinism, order, split."""
    model = healer.train(reference)
    recipes, proposed = healer.propose(batch, findings, model, reference)
    _check_schema(proposed, REPAIRS, batch)
    known = {recipe.id for recipe in recipes}
    assert set(proposed["recipe"].unique()) <= known, "every repair names a recipe that was returned"
    cells = proposed.filter(pl.col("edit") == "set")
    assert not len(cells.filter(pl.col("old").eq_missing(pl.col("new")))), "a repair changes its cell"
    for (name,), part in cells.group_by("column"):
        texts = batch.texts([str(name)])
        old = part.join(texts, left_on="row", right_on="__row", how="left", maintain_order="left")
        assert old["old"].eq_missing(old[str(name)]).all(), f"old values of {name} are those of the batch"
    backwards, even, odd = _parts(batch)
    _same(proposed, healer.propose(backwards, findings, model, reference)[1], "rows in another order, the same repairs")
    halves = pl.concat([healer.propose(part, findings, model, reference)[1] for part in (even, odd)])
    _same(proposed, halves, "rows in two batches give the same repairs")


def check_summary(summary: Any, parts: list[Any], same: Any) -> None:
    """Laws of a monoid. `parts` are three columns; `same(a, b)` compares two summaries within the grade."""
    empty = type(summary)()
    a, b, c = (empty.add(part) for part in parts)
    assert same(a.merge(empty), a) and same(empty.merge(a), a), "empty is the identity"
    assert same(a.merge(b), b.merge(a)), "merge commutes"
    assert same(a.merge(b).merge(c), a.merge(b.merge(c))), "merge is associative"
    assert same(a.merge(b), empty.add(parts[0]).add(parts[1])), "adding in turn equals merging"
    assert same(type(summary).from_bytes(a.to_bytes()), a), "bytes round-trip"


def check_notifier(
    notifier: Any, notices: Sequence[Notice], received: Callable[[], str], broken: Any, secrets: Sequence[str] = ()
) -> None:
    """Every notice arrives, the same one twice does no harm, and a failure is one `NotifyError` without a secret.

    Parameters
    ----------
    received
        All that has arrived so far, as text.
    broken
        The same notifier with nobody at the other end.
    secrets
        What was configured and must be told to nobody.
    """
    import traceback

    assert isinstance(notifier, Notifier), "a notifier has a name, from_settings and send"
    for notice in notices:
        notifier.send(notice)
        text = " ".join(received().split())
        assert notice.id in text, f"the id of the notice arrives: {notice.id}"
        assert " ".join(notice.title.split()) in text, "the title arrives"
    notifier.send(notices[0])
    try:
        broken.send(notices[0])
    except NotifyError as error:
        told = "".join(traceback.format_exception(error))
        assert error.notifier == notifier.name and str(error).startswith(notifier.name), "the error names the notifier"
        assert "\n" not in str(error), "an error is one line"
    else:
        raise AssertionError("a notice that nobody can get is an error")
    leaks = [secret for secret in secrets for text in (repr(notifier), repr(broken), told) if secret in text]
    assert not leaks, "no secret is told"
