"""The service keeps what its OpenAPI document says, whatever is sent: found by generated requests."""

import json
import tempfile
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from kintsu.apps.api.app import create_app
from kintsu.apps.api.settings import ServeSettings
from kintsu.io.service.keys import Keys
from kintsu.io.store.history import History


@schemathesis.serializer("application/x-ndjson")
def lines(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


HOME = tempfile.TemporaryDirectory(prefix="kintsu-api-")  # removed with the process
schema = schemathesis.openapi.from_asgi(
    "/api/v1/openapi.json", create_app(ServeSettings(Path(HOME.name), sign_in=True, hosts=("*",)))
)
_, KEY = Keys(History(Path(HOME.name), "acme")).create("generated requests", "admin", by="test")


EXCLUDED = [
    # values may be well formed and yet not fit each other or what is there: no schema says that
    schemathesis.checks.positive_data_acceptance,
    # a wrong value in a query may look like a right one once it is text; what is unknown is refused: test_routes.py
    schemathesis.checks.negative_data_rejection,
]


@pytest.mark.rough
@schema.parametrize()
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_answer_breaks_the_document(case):
    case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"}, excluded_checks=EXCLUDED)


def test_every_operation_is_told_in_words_with_its_problems():
    told = schema.raw_schema
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary") and operation.get("description"), (method, path)
            if path.startswith("/api/"):
                assert operation["responses"]["404"]["content"]["application/problem+json"], (method, path)
    assert "HTTPValidationError" not in json.dumps(told)
    # two models of one name would get these endings, which generated clients cannot tell apart
    assert not [name for name in told["components"]["schemas"] if name.endswith(("-Input", "-Output"))]
