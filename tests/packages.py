"""Dictionaries of one table as Hypothesis draws them, and changes of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

KEY = {"name": "id", "type": "integer", "constraints": {"required": True}}
NAMES = ("a", "b", "c")


def package(fields: list[dict[str, Any]]) -> dict[str, Any]:
    """A data package of one table with a key and these fields."""
    return {"resources": [{"name": "things", "schema": {"fields": [KEY, *fields], "primaryKey": "id"}}]}


@st.composite
def column(draw: st.DrawFn, name: str, kind: str | None = None) -> dict[str, Any]:
    """One field with constraints that suit its type, which is drawn when none is given."""
    kind = kind or draw(st.sampled_from(["integer", "number", "string", "date"]))
    field: dict[str, Any] = {"name": name, "type": kind}
    rules: dict[str, Any] = draw(st.fixed_dictionaries({}, optional={"required": st.booleans()}))
    if kind == "integer":
        bound = st.sampled_from([-(2**40), -(2**31), -7, 0, 7, 2**31 - 1, 2**40])
        rules |= draw(st.fixed_dictionaries({}, optional={"minimum": bound, "maximum": bound}))
        rules |= draw(st.fixed_dictionaries({}, optional={"enum": st.lists(st.integers(-3, 3), min_size=1)}))
    elif kind == "number":
        field |= {"precision": draw(st.sampled_from([9, 10, 12])), "scale": 2}
        rules |= draw(st.fixed_dictionaries({}, optional={"minimum": st.integers(-5, 5), "maximum": st.integers(0, 9)}))
    elif kind == "string":
        length = st.integers(0, 5)
        rules |= draw(st.fixed_dictionaries({}, optional={"minLength": length, "maxLength": length}))
        rules |= draw(st.fixed_dictionaries({}, optional={"enum": st.lists(st.sampled_from("abc"), min_size=1)}))
    else:
        day = st.sampled_from(["2000-01-02", "2000-01-05"])
        rules |= draw(st.fixed_dictionaries({}, optional={"minimum": day, "maximum": day}))
    return {**field, "constraints": rules}


@st.composite
def columns(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to three fields, in any order."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return [draw(column(name)) for name in names]


@st.composite
def fields_changed(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Fields, and the same with some rules gone, changed or new, and fields of other names behind them."""
    before = draw(columns())
    after = []
    for field in before:
        rules = dict(field["constraints"])
        for rule in draw(st.lists(st.sampled_from(sorted(rules)), unique=True)) if rules else []:
            del rules[rule]
        if draw(st.booleans()):
            other = draw(column(field["name"], field["type"]))
            rules |= other["constraints"]
            field = {**field, **{key: other[key] for key in ("precision", "scale") if key in other}}
        after.append({**field, "constraints": rules})
    for name in draw(st.lists(st.sampled_from(("x", "y")), unique=True)):
        new = draw(column(name))
        new["constraints"].pop("required", None)
        after.append(new)
    return before, after
