"""Rows are scored by what a table taught, at once or as a job, and nothing of them is kept."""

import io

import polars as pl
import pytest
from test_ingest_api import event
from test_ingest_api import treatment as treatment
from test_jobs_api import submit, upload
from test_jobs_api import work as work

BAD = (10, 40, 70)


def test_rows_are_scored_with_what_would_be_mended(connect, treatment, tmp_path):
    client = connect(treatments=(("orders", treatment),))
    rows = [event(1), event(2, city="Pariss"), event(3, price="11.50 EUR")]
    told = client.post("/api/v1/tables/orders/score", json={"rows": rows}).json()
    good, city, _ = told["rows"]
    assert (good["score"], good["why"], good["proposals"], good["is_anomaly"]) == (0, "", [], False)
    assert city["is_anomaly"] and 0 < city["score"] <= 1 and city["column"] == "city"
    (proposal,) = city["proposals"]
    assert (proposal["column"], proposal["old"], proposal["new"]) == ("city", "Pariss", "Paris")
    assert proposal["action"] == "apply" and 0.5 <= proposal["confidence"] <= 1
    swapped = client.post("/api/v1/tables/orders/score", json={"rows": rows[::-1]}).json()["rows"]
    assert swapped == told["rows"][::-1]
    assert client.get("/api/v1/runs").json()["items"] == [] == client.get("/api/v1/tables").json()["items"]


def test_rows_are_scored_beside_those_that_are_known(connect):
    client = connect()
    known = [{"a": n % 10, "b": n % 7 / 2} for n in range(200)]
    asked = {"rows": [{"a": 5, "b": 1.5}, {"a": 900, "b": -80.5}], "against": known}
    usual, odd = client.post("/api/v1/tables/any/score", json=asked).json()["rows"]
    assert odd["is_anomaly"] and not usual["is_anomaly"] and odd["score"] > usual["score"] and odd["why"]


@pytest.mark.parametrize("body", [{"rows": []}, {"rows": [{"a": [1]}]}, {"rows": [{}], "against": [{}]}, {"row": []}])
def test_what_is_no_set_of_rows_is_refused(connect, treatment, body):
    client = connect(treatments=(("orders", treatment),))
    assert client.post("/api/v1/tables/orders/score", json=body).status_code == 422
    huge = {"rows": [{"a": 10**30}], "against": [{"a": n} for n in range(30)]}
    assert client.post("/api/v1/tables/orders/score", json=huge).status_code in (200, 422)
    assert client.post("/api/v1/tables/people/score", json={"rows": [{"a": 1}]}).status_code == 404


def test_a_file_is_scored_by_a_job(connect, work):
    client = connect()
    rows = pl.DataFrame([event(n, city="Pariss" if n in BAD else ("Lyon", "Paris", "Nice")[n % 3]) for n in range(300)])
    sent = upload(client, rows.write_csv().encode())
    submit(client, "train", {"name": "orders", "auto": 0.5, "crash_test": False}, {"upload": sent})
    work()
    job = submit(client, "score", {"treatment": "orders"}, {"upload": sent}).json()["id"]
    work()
    result = client.get(f"/api/v1/jobs/{job}").json()["result"]
    assert (result["rows"], result["rows_found"], result["apply"]) == (300, 3, 3)
    scores = pl.read_csv(io.BytesIO(client.get(f"/api/v1/jobs/{job}/scores.csv").content))
    assert scores.filter(pl.col("score") > 0)["row"].to_list() == list(BAD) and scores.height == 300
    proposals = pl.read_csv(io.BytesIO(client.get(f"/api/v1/jobs/{job}/proposals.csv").content))
    assert set(proposals["new"]) == {"Paris"}
    few = client.post("/api/v1/tables/orders/score", json={"rows": rows.slice(8, 5).to_dicts()}).json()["rows"]
    assert [each["score"] for each in few] == scores["score"].slice(8, 5).to_list()
    assert client.get("/api/v1/jobs/j-20260101-000000-000000000000/scores.csv").status_code == 404
