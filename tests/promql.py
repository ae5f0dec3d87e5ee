"""PromQL taken apart: what a query selects, calls and groups by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser


@dataclass(frozen=True)
class Selector:
    """What reads series: `metric{label="value"}`, with a range or without."""

    metric: str
    matchers: Mapping[str, str]


def nodes(expr: str) -> Iterator[Any]:
    """Every part of a query; it must be one."""
    rest = [promql_parser.parse(expr)]
    while rest:
        node = rest.pop()
        yield node
        for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
            part = getattr(node, name, None)
            if isinstance(part, promql_parser.Expr):
                rest.append(part)
        rest.extend(getattr(node, "args", ()))


def selectors(expr: str) -> list[Selector]:
    """What a query reads."""
    return [
        Selector(node.name or "", {m.name: m.value for m in node.matchers.matchers})
        for node in nodes(expr)
        if isinstance(node, promql_parser.VectorSelector)
    ]


def functions(expr: str) -> set[str]:
    """The functions that a query calls."""
    return {node.func.name for node in nodes(expr) if isinstance(node, promql_parser.Call)}


def grouped(expr: str) -> set[str]:
    """The labels that a query aggregates by, matches on or brings along."""
    found: set[str] = set()
    for node in nodes(expr):
        modifier = getattr(node, "modifier", None)
        if isinstance(node, promql_parser.AggregateExpr) and modifier:
            found |= set(modifier.labels)
        elif modifier:
            found |= set(modifier.matching.labels if modifier.matching else ())
            found |= set(modifier.group_labels or ())
    return found


def inside(expr: str, *calls: str) -> list[Selector]:
    """What a query reads within a call of one of these functions."""
    return [
        selector
        for node in nodes(expr)
        if isinstance(node, promql_parser.Call) and node.func.name in calls
        for argument in node.args
        for selector in selectors(str(argument.prettify()))
    ]
