"""What an assistant may ask for, and whose role it takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Protocol

from pydantic import Field

import kintsu
from kintsu.core.errors import KintsuError
from kintsu.io.service.keys import ROLES

if TYPE_CHECKING:
    from mcp.server import MCPServer

__all__ = ["SHOWN", "Role", "Tools", "plan", "server"]

Role = Literal["viewer", "steward", "engineer", "admin"]
NEEDS: Final[Mapping[str, Role]] = {
    "questions": "viewer",
    "changes": "viewer",
    "answer": "steward",
    "undo": "steward",
    "check": "engineer",
    "heal": "engineer",
}
"""The least role of each tool, as the service asks for it (`apps.api.access`)."""
READS: Final = ("check", "questions", "changes")
SHOWN: Final = 50  # cells in an answer: an assistant reads all of it
INSTRUCTIONS: Final = (
    "Kintsu finds bad data in tables and mends it. Call `heal` without `apply` first: it tells what would change and "
    "why, and writes nothing. Only when the user agrees call it with apply=true: the mended table is a new file beside "
    "the input, which stays as it is. `changes` tells every cell with its reason and confidence, `questions` what only "
    "a person can decide: hand these to the user, and never choose for them. `undo` takes a run back, exactly."
)
Table = Annotated[str, Field(description="Path of the table: CSV, JSON, Parquet, Arrow or Excel")]
RunId = Annotated[str, Field(description="Id of a run, as `heal` tells it")]
Limit = Annotated[int, Field(ge=1, le=500, description="At most so many")]
Only = Annotated[str | None, Field(description="Only this column")]
Row = Annotated[int | None, Field(ge=0, description="Only this row of the input, from 0")]


class Tools(Protocol):
    """The six tools, over the tables of this machine or those of a service."""

    def check(self, path: Table) -> dict[str, Any]:
        """Find what is wrong with a table and score it, from 0 to 100. Nothing is changed."""

    def heal(
        self,
        path: Table,
        apply: Annotated[bool, Field(description="false: only tell the plan; true: write the mended table")] = False,
        auto: Annotated[float, Field(ge=0, le=1, description="Least confidence to change a cell")] = 0.95,
    ) -> dict[str, Any]:
        """Tell how a table would be mended; with apply=true write the mended table beside it, as a new file."""

    def questions(self, run: RunId, limit: Limit = 10) -> list[dict[str, Any]]:
        """What only a person can decide about a run, the most valuable first, with the effect of each answer."""

    def answer(
        self,
        run: RunId,
        question: Annotated[str, Field(description="Id of the question")],
        option: Annotated[str, Field(description="accept, reject, or the id of an alternative")],
    ) -> dict[str, Any]:
        """Answer a question as the user decided: the cells of the mended table change at once; undo takes it back."""

    def changes(self, run: RunId, column: Only = None, row: Row = None, limit: Limit = SHOWN) -> dict[str, Any]:
        """The cells that a run changed: row, column, old and new value, confidence, and why."""

    def undo(self, run: RunId, column: Only = None, row: Row = None) -> dict[str, Any]:
        """Take a run, an answer, or a part of it back, exactly. An undo can be undone."""


def plan(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a heal would do, without the names of what it has not written."""
    kept = {name: value for name, value in told.items() if name not in ("run", "output")}
    return kept | {"written": False, "next": "call heal with apply=true once the user agrees"}


def server(tools: Tools, role: str) -> MCPServer:
    """A server with the tools that `role` may use; the others are not there."""
    from mcp.server import MCPServer
    from mcp_types import ToolAnnotations

    made: MCPServer = MCPServer(
        "kintsu", title="Kintsu", instructions=INSTRUCTIONS, version=kintsu.__version__, log_level="WARNING"
    )
    for name, least in NEEDS.items():
        if ROLES.index(role) >= ROLES.index(least):
            hints = ToolAnnotations(
                read_only_hint=name in READS, destructive_hint=name in ("answer", "undo"), open_world_hint=False
            )
            made.add_tool(_told(getattr(tools, name), getattr(Tools, name)), name=name, annotations=hints)
    return made


def _told(tool: Callable[..., Any], spoken: Callable[..., Any]) -> Callable[..., Any]:
    """The tool with the words of the contract; what Kintsu refuses is told to the assistant in its one line."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(spoken)
    def call(**given: Any) -> Any:
        try:
            return tool(**given)
        except KintsuError as error:
            raise ToolError(str(error)) from error

    signature = inspect.signature(spoken, eval_str=True)
    kept = [each for name, each in signature.parameters.items() if name != "self"]
    call.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return call
