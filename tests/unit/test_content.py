"""The content of a file on its way: the same whether it is fetched ahead or not, and known by the same digest."""

from __future__ import annotations

import csv
import io
import threading
import time
from contextlib import closing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.errors import Unavailable
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
    lines = content.fetch().result()
    asked = network.asked
    assert begun + content.read(3) + content.read() == text
    assert (content.read(), content.fetch().result(), network.asked) == (b"", lines, asked)
    plain = Content(io.BytesIO(text))
    assert content.digest() == plain.digest()
    content.close()
    assert network.closed


@given(text=texts, before=st.integers(0, 20))
def test_there_are_no_more_records_than_lines(text: bytes, before: int) -> None:
    content = Content(io.BytesIO(text))
    content.read(before)
    records = len(list(csv.reader(io.StringIO(text.decode(), newline=""))))
    assert records <= content.fetch().result() <= len(text.splitlines()) + 2
    content.close()


class Slow(io.BytesIO):
    """A stream that gives its last byte when it may."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.goes_on = threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            assert self.goes_on.wait(10)
        return super().read(size if self.tell() else len(self.getbuffer()) - 1)


def test_what_is_there_is_read_while_the_rest_is_fetched() -> None:
    network = Slow(b"1,a\n2,b")
    with closing(Content(network)) as content:
        fetched = content.fetch()
        assert content.read(4) == b"1,a\n"
        assert not fetched.done()
        network.goes_on.set()
        assert (content.read(), fetched.result()) == (b"2,b", 2)


class Broken(io.BytesIO):
    """A stream that breaks off behind its bytes."""

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        if not content:
            raise Unavailable("The network is gone.")
        return content


@pytest.mark.parametrize("size", [-1, 4, 100])
def test_a_stream_that_breaks_off_while_it_is_fetched_is_not_taken_for_its_beginning(size: int) -> None:
    with closing(Content(Broken(b"1,a"))) as content:
        fetched = content.fetch()
        with pytest.raises(Unavailable, match="network"):
            content.read(size)
        with pytest.raises(Unavailable, match="network"):
            fetched.result()
        with pytest.raises(Unavailable, match="network"):
            content.digest()


class Long(io.BytesIO):
    """A stream that goes on for seconds; it has an end only so that nobody waits for ever."""

    blocks, asked = 5_000, 0

    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002 - as a file does
        self.asked += 1
        time.sleep(0.001)
        return b"1,a\n" if self.asked < self.blocks else b""


def test_who_gives_up_ends_the_fetching() -> None:
    network = Long()
    content = Content(network)
    fetched = content.fetch()
    assert content.read(1) == b"1"
    content.close()
    assert fetched.done()
    assert network.asked < network.blocks
    assert network.closed
