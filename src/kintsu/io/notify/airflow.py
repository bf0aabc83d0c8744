"""Notices that start a run of a DAG in Airflow: a repair, a back-fill, a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final
from urllib.parse import quote

from kintsu.core.notice import Notice
from kintsu.core.settings import Setting
from kintsu.io.notify.post import KEYS, Target, post, target_from

__all__ = ["AirflowNotifier"]

THERE_ALREADY: Final = 409  # a run of this id: the notice came before


@dataclass(frozen=True)
class AirflowNotifier:
    """Starts a DAG run through Airflow's REST API, with the notice as its configuration.

    The run's id is made of the notice's, so that one notice starts one run.
    """

    name: ClassVar[str] = "airflow"

    target: Target
    dag: str
    token: str = field(repr=False)
    api: str = "v2"

    @classmethod
    def from_settings(cls, setting: Setting, environment: Mapping[str, str]) -> AirflowNotifier:
        """Keys: url (of the web server), dag, token (as ${NAME}), api (v2 for Airflow 3, v1 for Airflow 2), timeout,
        retries, allow_private, ca_file."""
        told = setting.mapping((*KEYS, "dag", "token", "api"), needed=("url", "dag", "token"))
        api = told["api"].choice(("v2", "v1")) if "api" in told else "v2"
        token = told["token"].secret(environment)
        return cls(target_from(told, environment), told["dag"].text(), token, api)

    def send(self, notice: Notice) -> None:
        """Start the run."""
        body: dict[str, Any] = {"dag_run_id": f"kintsu__{notice.id}", "conf": notice.to_dict()}
        if self.api == "v2":
            body["logical_date"] = None  # needed there, and none is meant
        url = f"{self.target.url.rstrip('/')}/api/{self.api}/dags/{quote(self.dag, safe='')}/dagRuns"
        headers = {"Authorization": f"Bearer {self.token}"}
        post(self.name, replace(self.target, url=url), body, headers, also=(THERE_ALREADY,))
