"""No damaged backup is read: every flip and every cut of small ones, some of a big one, and bytes that lie of sizes."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.backup import container
from chalicelib.backup.codec import read_avro
from chalicelib.backup.manifest import SEAL, manifest_object, parse_manifest, sealed
from chalicelib.dictionary.avro import avro_schema
from chalicelib.errors import BackupDamaged, NotFound, RestoreRefused, TooLarge
from chalicelib.ports import Storage
from tests.contract.backup_support import stock
from tests.flips.__main__ import big, damage_one
from tests.flips.damage import Blocks
from tests.flips.saved import IDENTIFIER, Memory, Saved, kept, read_as_restore, read_as_verify, read_unchecked, save

STOCK = stock()
SITES, SHELVES = STOCK.tables
FORMAT_1 = Path(__file__).with_name("format-1")
MIB = 1024 * 1024


def sites(*codes: str) -> pa.Table:
    rows = [{"code": code, "open": len(code) % 2 == 0, "since": None} for code in codes]
    return pa.Table.from_pylist(rows, schema=SITES.arrow)


PARTS = [sites("a", "bb"), sites("ccc"), sites("dd", "eee", "ñ")]
IN_PARTS = save(STOCK, SITES, PARTS)
SMALL = {
    "format 2": IN_PARTS,
    **{
        f"format 1, {path.parent.parent.name}": kept(FORMAT_1, STOCK, path.relative_to(FORMAT_1).as_posix())
        for path in sorted(FORMAT_1.rglob("manifest.json"))
    },
}


@pytest.fixture(params=SMALL)
def small(request: pytest.FixtureRequest) -> Saved:
    return SMALL[request.param]


def refused(read: Callable[[Storage, Saved], None], saved: Saved, key: str, content: bytes | None) -> BackupDamaged:
    """The error of reading a backup with other bytes under a key."""
    with pytest.raises(BackupDamaged) as caught:
        read(saved.storage.but(key, content), saved)
    return caught.value


def unseen(saved: Saved, key: str, content: bytes) -> BackupDamaged | pa.Table:
    """The error of reading the rows of a backup whose bytes were other ones when they were checked, or those rows."""
    try:
        return read_unchecked(saved.storage.but(key, content), saved)
    except BackupDamaged as error:
        return error


def flips(content: bytes, *, every_bit: bool = False) -> Iterator[bytes]:
    """Every byte with one of its bits flipped, in turn another; or with each of them."""
    for at in range(len(content)):
        for bit in range(8) if every_bit else [at % 8]:
            damaged = bytearray(content)
            damaged[at] ^= 1 << bit
            yield bytes(damaged)


# Every flip and every cut


def test_whole_ones_are_read(small: Saved) -> None:
    storage: Any = small.storage
    for read in (read_as_verify, read_as_restore, read_unchecked):
        read(storage, small)


def test_every_flipped_byte_and_every_cut_of_a_file_is_refused_by_its_name(small: Saved) -> None:
    """By what verifies and by what restores, which both read the bytes first; see below for what reads rows."""
    for file in small.manifest.files:
        whole = small.storage.objects[file.file]
        for content in (*flips(whole), *(whole[:end] for end in range(len(whole))), whole + b"\0"):
            for read in (read_as_verify, read_as_restore):
                error = refused(read, small, file.file, content)
                assert error.hint
                assert "SHA-256" in error.detail or "bytes" in error.detail
                assert len(small.manifest.files) == 1 or file.file in error.detail


def test_every_flipped_byte_and_every_cut_of_a_manifest_is_refused_by_its_name(small: Saved) -> None:
    key = small.manifest_key
    whole = small.storage.objects[key]
    for content in (*flips(whole), *(whole[:end] for end in range(len(whole))), whole + b"\n"):
        for read in (read_as_verify, read_as_restore):
            error = refused(read, small, key, content)
            assert key in error.detail
            assert error.hint


def test_a_flip_or_cut_after_the_bytes_were_checked_is_refused_or_leaves_every_row_as_it_was() -> None:
    """What somebody puts in the place of a file meanwhile meets the second line: container, rows, counts, values."""
    saved = SMALL["format 1, sites"]
    [file] = saved.manifest.files
    whole = saved.storage.objects[file.file]
    damaged = [*flips(whole, every_bit=True), *(whole[:end] for end in range(len(whole)))]
    found = [unseen(saved, file.file, content) for content in damaged]
    errors = [each for each in found if isinstance(each, BackupDamaged)]
    assert all(error.hint for error in errors)
    as_saved = unseen(saved, file.file, whole)
    assert all(isinstance(each, BackupDamaged) or each.equals(as_saved) for each in found)
    # What no reader looks at: how the header names what it does not need, and what deflate leaves behind its end.
    assert len(errors) > len(damaged) * 0.9


def test_random_damages_of_a_big_backup_are_refused() -> None:
    """`make flips` does ten thousand."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    saved, told = big(dice, rows=20_000), Counter[str]()
    assert all(len(Blocks.of(saved.storage.objects[file.file]).blocks) > 2 for file in saved.manifest.files)
    for _ in range(100):
        damage_one(dice.randrange(2**32), saved, told=told)


# Sizes that lie


def avro(*blocks: bytes) -> bytes:
    """An Avro file of sites with those blocks."""
    whole = Blocks.of(IN_PARTS.storage.objects[IN_PARTS.manifest.files[0].file])
    return whole.joined(list(blocks))


def long(number: int) -> bytes:
    """A number as Avro writes it."""
    zigzag = (number << 1) ^ (number >> 63)
    octets = bytearray()
    while zigzag > 0x7F:
        octets.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*octets, zigzag])


def bomb(size: int) -> bytes:
    """So many zeros, deflated, a piece at a time."""
    deflating = zlib.compressobj(9, wbits=-15)
    pieces = [deflating.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*pieces, deflating.flush()])


def block(rows: int, size: int) -> bytes:
    """A file with one block, which claims so many rows and has so many zeros."""
    content = bomb(size)
    marker = IN_PARTS.storage.objects[IN_PARTS.manifest.files[0].file][-16:]
    return avro(long(rows), long(len(content)), content, marker)


# Each file, made when its test runs, and why it is refused.
LIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "a block of 2^62 bytes": (lambda: avro(long(1), long(2**62)), "claims 4611686018427387904 bytes"),
    "a block of less than no bytes": (lambda: avro(long(1), long(-5)), "a size is -5"),
    "a block that ends with the file": (lambda: avro(long(1), long(200 * MIB), b"x"), "bytes are missing"),
    "a number without end": (lambda: avro(b"\xff" * 40), "more than 64 bits"),
    "more rows than bytes": (lambda: block(2**40, MIB), "1099511627776 rows can't be in 1048576 bytes"),
    "less than no rows": (lambda: block(-1, MIB), "-1 rows can't be in"),
    "a bomb": (lambda: block(1, container.BLOCK_BYTES + MIB), f"take more than {container.BLOCK_BYTES} bytes"),
    "another marker": (lambda: avro(long(0), long(2), b"\x03\x00", bytes(16)), "the file's marker does not follow"),
    "a header of 2^40 bytes": (lambda: b"Obj\x01" + long(1) + long(2**40), "header claims more than"),
    "a header of 2^62 entries": (lambda: b"Obj\x01" + long(2**62), "bytes are missing"),
    "a header of less than no entries": (lambda: b"Obj\x01" + long(-3) + long(7) + b"\x02", "bytes are missing"),
    "another codec": (
        lambda: b"Obj\x01" + long(1) + long(10) + b"avro.codec" + long(9) + b"zstandard" + b"\0" + bytes(16),
        "its codec is b'zstandard', not deflate",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_file_that_lies_of_its_size_costs_little_memory(lie: str) -> None:
    make, reason = LIES[lie]
    content = make()
    tracemalloc.start()
    try:
        with pytest.raises(BackupDamaged, match="can't be read") as caught:
            list(read_avro(io.BytesIO(content), avro_schema(SITES)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reason in caught.value.detail
    # A bomb costs what the biggest block that is read does, and its pieces joined.
    assert peak < (3 * container.BLOCK_BYTES if "take more" in reason else 8 * MIB)


def test_a_file_without_end_is_given_up_when_it_has_more_bytes_than_were_saved() -> None:
    class Endless(io.BytesIO):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.given += size or 0
            assert self.given < 8 * MIB
            return bytes(size or 0)

    [first, *_] = IN_PARTS.manifest.files

    class Odd(Memory):
        def open(self, key: str) -> Any:
            return Endless() if key == first.file else super().open(key)

    odd: Any = Odd(IN_PARTS.storage.objects)
    for read in (read_as_verify, read_as_restore):
        with pytest.raises(BackupDamaged, match=f"{first.file} has more than {first.bytes} bytes"):
            read(odd, IN_PARTS)


def test_a_row_that_no_restore_would_read_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.backup.codec.BLOCK_BYTES", 100)
    save(STOCK, SITES, [sites("x" * 90)])
    with pytest.raises(TooLarge, match="A row takes more than the 100 bytes"):
        save(STOCK, SITES, [sites("x" * 200)])


# What is in another's place


@pytest.mark.parametrize("read", [read_as_verify, read_as_restore])
def test_a_file_in_the_place_of_another_is_refused(read: Callable[[Storage, Saved], None]) -> None:
    """Another table's, another backup's of the same table, another part, and none."""
    one = save(STOCK, SHELVES, [SHELVES.arrow.empty_table()])
    other = save(STOCK, SITES, [sites("a", "bb"), sites("cc"), sites("dd", "eee", "ñ")])
    first, second, _ = IN_PARTS.manifest.files
    for content in (
        one.storage.objects[one.manifest.files[0].file],
        other.storage.objects[second.file],
        IN_PARTS.storage.objects[first.file],
        b"",
        None,
    ):
        assert second.file in refused(read, IN_PARTS, second.file, content).detail


FORGED: list[tuple[str, dict[str, Any]]] = [
    ("parts in another order", {"files": IN_PARTS.manifest.files[::-1]}),
    ("a part twice", {"files": (*IN_PARTS.manifest.files[:2], IN_PARTS.manifest.files[1])}),
    ("a part missing", {"files": IN_PARTS.manifest.files[:2]}),
    ("a file of another table", {"table": "shelves"}),
    ("another backup's", {"id": IDENTIFIER.replace("4f2a", "4f2b")}),
    ("a file above the folder", {"files": (replace(IN_PARTS.manifest.files[0], file="../data.avro"),)}),
    ("an absolute path", {"files": (replace(IN_PARTS.manifest.files[0], file="/etc/passwd"),)}),
    (
        "a path that comes back",
        {"files": tuple(replace(each, file=each.file.replace("/sites/", "/x/../sites/"))
                        for each in IN_PARTS.manifest.files)},
    ),
    ("another codec", {"codec": "zstandard"}),
]  # fmt: skip


@pytest.mark.parametrize(("changed"), [each for _, each in FORGED], ids=[name for name, _ in FORGED])
def test_a_manifest_that_tells_of_other_files_is_refused_though_it_is_sealed(changed: dict[str, Any]) -> None:
    """Against the catalogue, and where there is none, as in a folder, by itself unless it is a whole backup."""
    forged = sealed(manifest_object(replace(IN_PARTS.manifest, **changed)))
    for read in (read_as_verify, read_as_restore):
        assert IN_PARTS.manifest_key in refused(read, IN_PARTS, IN_PARTS.manifest_key, forged).detail
    if len(changed.get("files", ())) != 2:
        with pytest.raises(BackupDamaged):
            parse_manifest(forged, IN_PARTS.manifest_key)


def test_a_count_that_is_not_that_of_the_rows_is_refused() -> None:
    """Though the manifest is sealed and the bytes are those that it tells of."""
    files = IN_PARTS.manifest.files
    for rows, reason in (
        (0, "more than 0 rows"),
        (1, "more than 1 rows"),
        (3, "2 rows, not 3"),
        (10**9, "2 rows, not "),
    ):
        forged = replace(IN_PARTS.manifest, files=(replace(files[0], rows=rows), *files[1:]))
        saved = replace(IN_PARTS, manifest=forged, backup=forged.to_backup())
        content = sealed(manifest_object(forged))
        for read in (read_as_verify, read_as_restore):
            error = refused(read, saved, saved.manifest_key, content)
            assert f"{files[0].file} has {reason}" in error.detail


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def places(told: Any) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    inner = told.items() if isinstance(told, dict) else enumerate(told) if isinstance(told, list) else ()
    return [place for key, each in inner for place in ((key,), *((key, *rest) for rest in places(each)))]


TOLD = json.loads(json.dumps(manifest_object(IN_PARTS.manifest) | {"created": IN_PARTS.manifest.created.isoformat()}))


@given(st.sampled_from(places(TOLD)), VALUES)
@settings(max_examples=60)
def test_whatever_a_sealed_manifest_tells_it_is_read_or_refused(place: tuple[Any, ...], value: Any) -> None:
    told = json.loads(json.dumps(TOLD))
    *way, last = place
    at = told
    for each in way:
        at = at[each]
    at[last] = value
    try:
        content = sealed(told)
    except UnicodeEncodeError:
        return
    try:
        parsed = parse_manifest(content, IN_PARTS.manifest_key)
        saved = replace(IN_PARTS, manifest=parsed, backup=parsed.to_backup())
        for read in (read_as_verify, read_as_restore):
            read(saved.storage.but(saved.manifest_key, content), saved)
    except (BackupDamaged, RestoreRefused, NotFound):
        return
    assert [asdict(each) for each in parsed.files] == TOLD["files"]


@pytest.mark.parametrize("depth", [50, 200, 500, 2_000, 100_000])
def test_a_manifest_as_deep_as_a_well_is_refused(depth: int) -> None:
    deep = f'{{"format": 1, "schema": {"[" * depth}{"]" * depth}, "manifest_sha256": ""}}'
    with pytest.raises(BackupDamaged):
        parse_manifest(deep.encode(), IN_PARTS.manifest_key)
    told = json.dumps({**TOLD, "schema": "DEEP", SEAL: "0"}).replace(
        '"DEEP"', '{"type":' * depth + '"int"' + "}" * depth
    )
    with pytest.raises(BackupDamaged):
        parse_manifest(told.encode(), IN_PARTS.manifest_key)
