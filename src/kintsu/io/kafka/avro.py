"""Avro events in the wire format of Confluent's schema registry: a zero byte, the schema's number, the record.

Cells are text as a file would have them: numbers in their shortest form, moments as ISO, nested values as JSON.
"""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

import polars as pl

from kintsu.core.errors import InputError, MissingExtra
from kintsu.io.json_events import Decoded

__all__ = ["AvroEvents"]

HEAD: Final = 5  # bytes before the record
_KINDS: Final = (
    (bool, "boolean"),
    ((int, float, Decimal), "number"),
    ((str, bytes, date, time, UUID), "string"),
)
_READ: Final[dict[type, Callable[[str], Any]]] = {
    bool: {"true": True, "false": False}.__getitem__,
    int: int,
    float: float,
    Decimal: Decimal,
    str: str,
    bytes: lambda text: base64.b64decode(text, validate=True),
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    time: time.fromisoformat,
    UUID: UUID,
}
_PRIMITIVE: Final[dict[str, type]] = {
    "boolean": bool, "int": int, "long": int, "float": float, "double": float, "string": str, "bytes": bytes,
}  # fmt: skip
_LOGICAL: Final[dict[str, type]] = {
    "date": date, "decimal": Decimal, "uuid": UUID, "time-millis": time, "time-micros": time,
    "timestamp-millis": datetime, "timestamp-micros": datetime,
    "local-timestamp-millis": datetime, "local-timestamp-micros": datetime,
}  # fmt: skip


@dataclass
class AvroEvents:
    """One Avro record an event; schemas come from the registry at this URL, each once.

    `options` are those of confluent-kafka's SchemaRegistryClient, such as basic.auth.user.info.
    """

    name: ClassVar[str] = "avro"

    registry: str
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        try:
            import fastavro
            from confluent_kafka.schema_registry import SchemaRegistryClient
        except ImportError as error:
            raise MissingExtra(error.name or "fastavro", "avro") from error
        self._avro = fastavro
        self._client = SchemaRegistryClient({"url": self.registry, **self.options})
        self._schemas: dict[int, Any] = {}

    def decode(self, values: Sequence[bytes], columns: Sequence[str]) -> Decoded:
        """The cells of these columns; null where a field is absent or null."""
        records: list[dict[str, Any]] = []
        rows, bad = [], []
        for place, value in enumerate(values):
            try:
                records.append(self._record(value)[0])
                rows.append(place)
            except _Unreadable as error:
                bad.append((place, str(error)))
        cells = [pl.Series(name, [_text(r.get(name)) for r in records], dtype=pl.String) for name in columns]
        kinds: Counter[tuple[str, str]] = Counter()
        for record in records[:: max(len(records) // 200, 1)]:
            kinds.update((name, _kind(cell)) for name, cell in record.items() if cell is not None)
        return Decoded(pl.DataFrame(cells), rows, bad, Counter(map(tuple, records)), kinds)

    def mended(self, value: bytes, changes: Iterable[tuple[str, str | None, str | None]], numeric: set[str]) -> bytes:
        """The record with (column, old, new) replaced, by the schema it was written with.

        Raises
        ------
        ValueError
            The schema has no such field, or the field takes no such value.
        """
        record, schema = self._record(value)
        types = {each["name"]: each["type"] for each in schema["fields"]}
        for column, _, new in changes:
            if column not in types:
                raise ValueError(f"the schema has no field {column!r}")
            record[column] = _value(new, types[column], column)
        out = io.BytesIO()
        self._avro.schemaless_writer(out, schema, record)
        return value[:HEAD] + out.getvalue()

    def _record(self, value: bytes) -> tuple[dict[str, Any], Any]:
        if len(value) <= HEAD or value[0] != 0:
            raise _Unreadable("not Avro with a schema of a registry: its first byte is not 0")
        schema = self._schema(int.from_bytes(value[1:HEAD], "big"))
        stream = io.BytesIO(value[HEAD:])
        try:
            record = self._avro.schemaless_reader(stream, schema, None)
        except (ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError) as error:
            raise _Unreadable(f"not a record of its schema: {type(error).__name__}") from error
        if not isinstance(record, dict) or stream.read(1):
            raise _Unreadable("not a record of its schema: bytes are left over")
        return record, schema

    def _schema(self, number: int) -> Any:
        """The schema of this number.

        Raises
        ------
        InputError
            The registry does not answer.
        """
        if number not in self._schemas:
            from confluent_kafka.schema_registry.error import SchemaRegistryError

            try:
                text = self._client.get_schema(number).schema_str
                self._schemas[number] = self._avro.parse_schema(json.loads(text or ""))
            except SchemaRegistryError as error:
                if error.http_status_code != 404:
                    raise self._away(error) from None
                raise _Unreadable(f"the registry has no schema {number}") from None
            except (ValueError, self._avro.schema.SchemaParseException) as error:
                raise _Unreadable(f"schema {number} is not understood: {error}") from error
            except Exception as error:  # noqa: BLE001 - whatever the client's library for HTTP raises
                raise self._away(error) from None
        return self._schemas[number]

    def _away(self, error: Exception) -> InputError:
        return InputError(
            f"the schema registry at {self.registry} does not answer ({type(error).__name__}): is it running, and is "
            "--registry right?"
        )


class _Unreadable(Exception):
    """Why a value is put aside."""


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_text)
    return str(value)


def _kind(value: Any) -> str:
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "nested")


def _value(text: str | None, kind: Any, column: str) -> Any:
    """A cell as the field's type has it: the first of a union's types that takes it."""
    kinds = kind if isinstance(kind, list) else [kind]
    if text is None:
        if "null" in kinds:
            return None
        raise ValueError(f"field {column!r} cannot be empty")
    for each in kinds:
        read = _READ.get(_type(each))  # type: ignore[arg-type]
        try:
            if read is not None:
                return read(text)
            if isinstance(each, dict) and text in each.get("symbols", ()):
                return text
        except (ValueError, KeyError, ArithmeticError):
            continue
    raise ValueError(f"field {column!r} takes no {text!r}")


def _type(kind: Any) -> type | None:
    """The Python type of a type of Avro; None for nested ones and enumerations."""
    if isinstance(kind, dict):
        logical = _LOGICAL.get(kind.get("logicalType", ""))
        return logical or _PRIMITIVE.get(kind["type"] if isinstance(kind["type"], str) else "")
    return _PRIMITIVE.get(kind)
