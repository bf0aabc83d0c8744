"""Figures of the service for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, Histogram

__all__ = ["Figures"]


class Figures:
    """Counters of one service, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "kintsu_request_seconds", "Time to answer", ["method", "route", "status"], registry=self.registry
        )
        self.jobs = Gauge("kintsu_jobs", "Jobs of all tenants by state", ["state"], registry=self.registry)
        self.watchers = Gauge("kintsu_websockets", "Open WebSockets", registry=self.registry)
