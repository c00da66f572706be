"""What is read the quick way is read as the full rules of its type read it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.dictionary.datatypes import DateTime, Integer
from chalicelib.dictionary.usual import plain_integers, plain_moments
from chalicelib.load.cells import blank_to_null

signs = st.sampled_from("0123456789-+.T :Zz")
integers = st.one_of(
    st.integers(-(2**70), 2**70).map(str),
    st.text(signs, min_size=1, max_size=22),
    st.sampled_from(["-", "0x1F", "1-2"]),
)
moments = st.one_of(
    st.datetimes().map(lambda moment: f"{moment:%Y-%m-%dT%H:%M:%SZ}".rjust(20, "0")),
    st.from_regex(r"[0-2][0-9]{3}-[01][0-9]-[0-3][0-9][T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9]Z?", fullmatch=True),
    st.text(signs, min_size=1, max_size=22),
    st.sampled_from(["2021-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "0000-01-01T00:00:00Z", "2021-04-31T00:00:00Z"]),
)


def cells(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[pa.Array]:
    """Texts and blanks that begin somewhere in a bigger array."""
    listed = st.lists(st.none() | strategy, max_size=12)
    return st.tuples(listed, listed).map(
        lambda pair: pa.array([*pair[0], *pair[1]], pa.string()).slice(len(pair[0])),
    )


@given(text=cells(integers))
def test_whole_numbers(text: pa.Array) -> None:
    assert Integer().parse(text).equals(Integer()._parse_any(text))


@given(text=cells(moments))
def test_moments(text: pa.Array) -> None:
    assert DateTime().parse(text).equals(DateTime()._parse_any(text))


def test_the_usual_forms_go_the_quick_way() -> None:
    numbers = ["12", "-3", "0012", "+1", "1.0", "9" * 19, None]
    assert plain_integers(pa.array(numbers)).tolist() == [True] * 3 + [False] * 4
    told = ["2021-07-27T16:02:08Z", "2021-07-27T16:02:08", "2021-02-29T00:00:00Z", None]
    assert plain_moments(pa.array(told)).tolist() == [True, False, False, False]


white = st.sampled_from(["", " ", "\t", "\xa0", "\u2003", "\x1f", "é", "x", "x y", "\u200b", "\x85"])


@given(text=cells(st.lists(white, max_size=4).map("".join)))
def test_cells_are_trimmed_as_the_whole_of_unicode_wants_it(text: pa.Array) -> None:
    trimmed = pc.utf8_trim_whitespace(text).to_pylist()
    assert blank_to_null(pa.table({"x": text})).column("x").to_pylist() == [cell or None for cell in trimmed]
