"""The content of a file on its way: the same whether it is fetched ahead or not, and known by the same digest."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.load.content import Content

texts = st.text(st.sampled_from('ab,\r\n"')).map(str.encode)


class Network(io.BytesIO):
    """A stream that counts how often it is asked."""

    asked = 0

    def read(self, size: int | None = -1) -> bytes:
        self.asked += 1
        return super().read(size)


@given(text=texts, before=st.integers(0, 20))
@example(text=b"a\r\nb", before=2)
def test_what_is_fetched_is_read_as_it_would_have_been(text: bytes, before: int) -> None:
    network = Network(text)
    content = Content(network)
    begun = content.read(before)
    lines = content.fetch()
    asked = network.asked
    assert begun + content.read(3) + content.read() == text
    assert (content.read(), content.fetch(), network.asked) == (b"", lines, asked)
    plain = Content(io.BytesIO(text))
    assert content.digest() == plain.digest()
    content.close()
    assert network.closed


@given(text=texts, before=st.integers(0, 20))
def test_there_are_no_more_records_than_lines(text: bytes, before: int) -> None:
    content = Content(io.BytesIO(text))
    content.read(before)
    records = len(list(csv.reader(io.StringIO(text.decode(), newline=""))))
    assert records <= content.fetch() <= len(text.splitlines()) + 2
    content.close()
