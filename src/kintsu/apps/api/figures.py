"""Figures of the service for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge, Histogram

__all__ = ["Figures", "lag_of"]


class Figures:
    """Counters of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "kintsu_request_seconds", "Time to answer", ["method", "route", "status"], registry=self.registry
        )
        self.jobs = Gauge("kintsu_jobs", "Jobs of all tenants by state", ["state"], registry=self.registry)
        self.watchers = Gauge("kintsu_websockets", "Open WebSockets", registry=self.registry)


def lag_of(lags: Iterable[tuple[str, str, int, int]]) -> CollectorRegistry:
    """What waits in each part of streams, in a registry of its own: it is of one tenant, at one moment."""
    registry = CollectorRegistry()
    told = "Events that wait, by stream, topic and partition"
    gauge = Gauge("kintsu_stream_lag", told, ["stream", "source", "part"], registry=registry)
    for stream, source, part, waiting in lags:
        gauge.labels(stream, source, str(part)).set(waiting)
    return registry
