"""What a query would cost, told from its text: a list inside a list multiplies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from graphql import GraphQLError, ValidationRule
from graphql.language import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)
from strawberry.extensions import AddValidationRules, SchemaExtension

__all__ = ["MOST_COST", "CostLimiter", "LengthLimiter"]

MOST_COST: Final = 1_000
USUAL: Final = 20  # items of a list where `first` is not told
LISTS: Final = {"tables", "runs", "incidents", "changes", "findings", "recipes", "questions"}
HEAVY: Final = {"changes", "findings", "recipes", "questions"}  # each reads what a run left behind
READ: Final = 20
OF_TYPES: Final = {"types", "fields", "inputFields", "args", "interfaces", "possibleTypes", "enumValues"}
FEW: Final = 10  # of each, when a client asks what can be asked


def CostLimiter(*, most: int) -> AddValidationRules:
    """Refuses queries that would read too much; a list whose length is a variable counts as one of `most`."""

    class Cost(ValidationRule):
        def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
            cost = self._of(node.selection_set, frozenset())
            if cost > MOST_COST:
                self.report_error(GraphQLError(f"this query would cost {cost}, and {MOST_COST} are allowed", node))

        def _of(self, selections: SelectionSetNode | None, inside: frozenset[str]) -> int:
            total = 0
            for each in selections.selections if selections is not None else ():
                if isinstance(each, FragmentSpreadNode):
                    name = each.name.value
                    fragment = self.context.get_fragment(name)
                    if fragment is not None and name not in inside:  # one in itself is refused by another rule
                        total += self._of(fragment.selection_set, inside | {name})
                elif isinstance(each, FieldNode):
                    total += self._field(each, inside)
                elif isinstance(each, InlineFragmentNode):
                    total += self._of(each.selection_set, inside)
            return total

        def _field(self, field: FieldNode, inside: frozenset[str]) -> int:
            name = field.name.value
            within = self._of(field.selection_set, inside)
            if name in OF_TYPES:
                return 1 + FEW * within
            if name not in LISTS:
                return within
            return (READ if name in HEAVY else 1) + _length(field, most) * within

    return AddValidationRules([Cost])


def _length(field: FieldNode, most: int) -> int:
    for argument in field.arguments or ():
        if argument.name.value == "first":
            if isinstance(argument.value, IntValueNode):
                return max(0, min(int(argument.value.value), most))  # below 0 it would pay for the rest
            if isinstance(argument.value, VariableNode):
                return most
    return USUAL


def LengthLimiter(*, most: int) -> type[SchemaExtension]:
    """Refuses queries that are too long once their fragments are written out, before any rule does that: fragments that
    hold each other twice double with each of them."""

    class Length(SchemaExtension):
        def on_parse(self) -> Iterator[None]:
            yield
            document = self.execution_context.graphql_document
            if document is not None and _written_out(document) > most:
                raise GraphQLError(f"this query has more than {most} fields once its fragments are written out")

    return Length


def _written_out(document: DocumentNode) -> int:
    """Fields and fragments of all operations, each fragment counted wherever it stands."""
    bodies = {
        each.name.value: each.selection_set for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    lengths: dict[str, int] = {}

    def of(selections: SelectionSetNode | None) -> int:
        return 0 if selections is None else sum(map(one, selections.selections))

    def one(node: Any) -> int:
        return 1 + (named(node.name.value) if isinstance(node, FragmentSpreadNode) else of(node.selection_set))

    def named(name: str) -> int:
        if name not in lengths:
            lengths[name] = 0  # one in itself is refused by a rule
            lengths[name] = of(bodies.get(name))
        return lengths[name]

    return sum(of(each.selection_set) for each in document.definitions if isinstance(each, OperationDefinitionNode))
