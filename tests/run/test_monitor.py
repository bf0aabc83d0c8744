"""`kt.Monitor`: frames of any kind and files, what it remembers, what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

import kintsu as kt
from kintsu.core.errors import KintsuError, UsageError

CITIES = ["Lyon", "Paris", "Nice", "Lille"] * 25


def batch(day: int) -> pl.DataFrame:
    return pl.DataFrame({"x": [(7 * i + day) % 11 for i in range(100)], "city": CITIES})


def learnt(n: int = 10) -> kt.Monitor:
    monitor = kt.Monitor()
    for day in range(n):
        monitor.learn(batch(day))
    return monitor


def test_a_judged_batch_is_not_learnt():
    monitor = learnt()
    wrong = batch(3).with_columns(city=pl.lit("Nowhere"))
    assert [monitor.judge(wrong).alarm for _ in range(3)] == [True] * 3
    assert monitor.n_batches == 10
    assert not monitor.judge(batch(3)).alarm


def test_files_and_frames_are_judged_alike(tmp_path):
    monitor = learnt()
    csv, parquet = tmp_path / "b.csv", tmp_path / "b.parquet"
    batch(3).write_csv(csv)
    batch(3).write_parquet(parquet)
    for source in (batch(3).to_pandas(), batch(3).to_arrow(), batch(3).lazy(), csv, str(parquet)):
        judged = monitor.judge(source)
        assert not judged.alarm and judged.score == pytest.approx(monitor.judge(batch(3)).score)


def test_one_word_makes_a_column_of_a_text_file_text(tmp_path):
    path = tmp_path / "b.csv"
    path.write_text(batch(3).write_csv().replace("\n5,", "\nn/a,", 1))
    judged = learnt().judge(path)
    assert judged.issue == "type_mismatch" and judged.columns == ("x",)


def test_the_oldest_batch_is_forgotten_first():
    monitor = kt.Monitor(window=8)
    for day in range(20):
        monitor.learn(batch(day))
    assert monitor.n_batches == 8


def test_a_window_of_one_is_refused():
    with pytest.raises(UsageError, match="at least 2, not 1"):
        kt.Monitor(window=1)


def test_times_with_and_without_a_zone_do_not_mix():
    with pytest.raises(UsageError, match="time zone"):
        kt.Monitor().learn(batch(0), due=datetime(2026, 1, 1), arrived=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_file_that_is_not_there_is_an_error():
    with pytest.raises(KintsuError, match="nowhere"):
        kt.Monitor().judge("nowhere.csv")


def test_new_values_are_told_unless_the_column_is_sensitive():
    for sensitive in ((), ("city",)):
        monitor = kt.Monitor(sensitive=sensitive)
        for seed in range(10):
            monitor.learn(batch(seed))
        wrong = pl.when(pl.int_range(pl.len()) < 20).then(pl.lit("Atlantis")).otherwise("city").alias("city")
        judged = monitor.judge(batch(20).with_columns(wrong))
        assert judged.alarm and judged.columns[0] == "city"
        told = [cause.examples for cause in judged.causes if cause.statistic == "fresh"]
        assert (told == [("Atlantis",)]) == (not sensitive) and ("Atlantis" in str(judged)) == (not sensitive)
