"""Formulas as people write them: `total = quantity * price * (1 - discount)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import reduce

import numpy as np
import numpy.typing as npt

from kintsu.core.errors import UsageError

__all__ = ["evaluate", "names_in", "sides"]

Floats = npt.NDArray[np.float64]

_FUNCTIONS = ("round", "abs", "min", "max")
_PLAIN = (
    *(ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.UAdd, ast.USub),
    *(ast.BinOp, ast.UnaryOp, ast.Name, ast.expr_context),
)


def sides(formula: str, where: str = "rule") -> tuple[str, str]:
    """Left and right of the equals sign.

    Raises
    ------
    UsageError
        There is not exactly one equals sign.
    """
    left, equals, right = formula.replace("==", "=").partition("=")
    if not equals or "=" in right or not left.strip() or not right.strip():
        raise UsageError(f"{where}: a formula has one equals sign, such as total = quantity * price; found {formula!r}")
    return left.strip(), right.strip()


def _tree(side: str, where: str) -> tuple[ast.expr, dict[str, str]]:
    """Checked syntax tree, and the columns behind its names: a name in back ticks may have blanks."""
    quoted: dict[str, str] = {}

    def hide(match: re.Match[str]) -> str:
        quoted[f"__q{len(quoted)}"] = match[1]
        return list(quoted)[-1]

    try:
        tree = ast.parse(re.sub("`([^`]+)`", hide, side), mode="eval").body
    except SyntaxError as error:
        raise UsageError(f"{where}: cannot read {side!r} as a formula (quote odd names in back ticks)") from error
    for node in ast.walk(tree):
        known_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS
        is_number = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
        plain = isinstance(node, _PLAIN)
        if not (known_call or is_number or plain):
            raise UsageError(
                f"{where}: {ast.unparse(node) if isinstance(node, ast.expr) else node!r} in {side!r}: only "
                f"+ - * / **, brackets, numbers, columns and {', '.join(_FUNCTIONS)} are allowed"
            )
    return tree, quoted


def names_in(formula: str, where: str = "rule") -> tuple[str, ...]:
    """Columns of a formula in order of appearance."""
    found: dict[str, None] = {}
    for side in sides(formula, where):
        tree, quoted = _tree(side, where)
        functions = {id(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
        named = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and id(n) not in functions]
        for node in sorted(named, key=lambda n: n.col_offset):
            found.setdefault(quoted.get(node.id, node.id))
    return tuple(found)


def evaluate(side: str, numbers: Mapping[str, Floats]) -> Floats:
    """Value of one side for every row; NaN where a column is NaN. Only the operations that `sides` allows are run.

    >>> evaluate("a * (1 - b)", {"a": np.array([10.0]), "b": np.array([0.2])}).tolist()
    [8.0]
    """
    tree, quoted = _tree(side, "formula")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.asarray(_value(tree, quoted, numbers), dtype=np.float64)


def _value(node: ast.expr, quoted: Mapping[str, str], numbers: Mapping[str, Floats]) -> Floats | float:
    match node:
        case ast.Constant():
            return float(node.value)  # type: ignore[arg-type]
        case ast.Name():
            return numbers[quoted.get(node.id, node.id)]
        case ast.UnaryOp():
            inner = _value(node.operand, quoted, numbers)
            return -inner if isinstance(node.op, ast.USub) else inner
        case ast.BinOp():
            a, b = _value(node.left, quoted, numbers), _value(node.right, quoted, numbers)
            match node.op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return np.divide(a, b)
                case _:
                    return np.power(a, b)
        case ast.Call():
            args = [_value(arg, quoted, numbers) for arg in node.args]
            match node.func.id:  # type: ignore[attr-defined]
                case "round":
                    return np.round(args[0], int(float(args[1])) if len(args) > 1 else 0)
                case "abs":
                    return np.abs(args[0])
                case "min":
                    return np.asarray(reduce(np.minimum, args))
                case _:
                    return np.asarray(reduce(np.maximum, args))
    raise UsageError(f"cannot evaluate {ast.unparse(node)!r}")
