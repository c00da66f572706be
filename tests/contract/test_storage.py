"""What every storage keeps, on a folder and on S3 (moto), and what only S3 has."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import botocore.exceptions
import pytest
from botocore.stub import Stubber

from chalicelib.errors import BadRequest, DecantError, NotFound, OutOfTime, Unavailable
from chalicelib.ports import Storage
from chalicelib.storage import FolderStorage, S3Storage, s3_streams
from chalicelib.time_left import TimeLeft

BUCKET = "decant-backups"
PART = 5 * 1024 * 1024


@pytest.fixture
def client(aws: None) -> Iterator[Any]:  # noqa: ARG001 - AWS must be there first
    client = boto3.client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


@pytest.fixture
def s3(client: Any) -> S3Storage:
    return S3Storage(client, BUCKET)


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "folder")


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    storage: Storage = request.getfixturevalue(request.param)
    return storage


def read(storage: Storage, key: str) -> bytes:
    with storage.open(key) as stream:
        return stream.read()


def write_and_break(storage: Storage, key: str) -> None:
    with storage.write(key) as stream:
        stream.write(b"x" * (2 * PART))
        raise RuntimeError("broke")


def test_what_is_put_is_read_back(storage: Storage) -> None:
    storage.put("backups/jobs/data.avro", b"\0\xff" * 1000)
    assert read(storage, "backups/jobs/data.avro") == b"\0\xff" * 1000


def test_the_head_tells_size_moment_and_metadata(storage: Storage) -> None:
    storage.put("a/b.csv", b"12345", {"on-conflict": "update"})
    head = storage.head("a/b.csv")
    assert (head.key, head.size, head.metadata) == ("a/b.csv", 5, {"on-conflict": "update"})
    assert head.modified.tzinfo is not None
    assert head.etag
    assert '"' not in head.etag


def test_writing_an_object_again_forgets_the_metadata_it_had(storage: Storage) -> None:
    storage.put("a/b.csv", b"1", {"on-conflict": "update"})
    storage.put("a/b.csv", b"2")
    assert storage.head("a/b.csv").metadata == {}


@pytest.mark.parametrize("metadata", [{"name": "ñ"}, {"Name": "x"}, {"name": "a\nb"}])
def test_metadata_that_headers_can_not_carry_are_refused(storage: Storage, metadata: dict[str, str]) -> None:
    with pytest.raises(BadRequest):
        storage.put("a", b"", metadata)


def test_what_is_not_there_is_not_found(storage: Storage) -> None:
    storage.put("here/too", b"")
    for key in ("nowhere", "here", "here/too/deep"):
        with pytest.raises(NotFound, match=key):
            storage.head(key)
        with pytest.raises(NotFound, match=key):
            storage.open(key)


def test_a_stream_is_read_in_pieces(storage: Storage) -> None:
    content = bytes(range(256)) * 4096
    storage.put("big", content)
    with storage.open("big") as stream:
        assert stream.read(10) == content[:10]
        assert b"".join(iter(lambda: stream.read(70_001), b"")) == content[10:]


@pytest.mark.parametrize(("first", "last"), [(0, None), (0, 3), (3, 7), (9, None), (9, 10), (4, 4), (7, 99)])
def test_a_stretch_of_an_object_is_read_alone(storage: Storage, first: int, last: int | None) -> None:
    storage.put("digits", b"0123456789")
    with storage.open("digits", first=first, last=last) as stream:
        assert stream.read() == b"0123456789"[first:last]


@pytest.mark.parametrize(("first", "last"), [(0, 3), (3, 7), (9, None)])
def test_a_server_that_passes_over_a_range_is_read_up_to_it(client: Any, first: int, last: int | None) -> None:
    client.put_object(Bucket=BUCKET, Key="digits", Body=b"0123456789")
    answers: Any = SimpleNamespace(get_object=lambda **asked: client.get_object(Bucket=BUCKET, Key=asked["Key"]))
    with S3Storage(answers, BUCKET).open("digits", first=first, last=last) as stream:
        assert stream.read() == b"0123456789"[first:last]


def test_nothing_more_is_read_when_the_time_is_over(client: Any) -> None:
    now = [0.0]
    time_left = TimeLeft(lambda: now[0])
    storage = S3Storage(client, BUCKET, time_left)
    storage.put("big", bytes(2**20))
    with time_left.ends_in(900), storage.open("big") as stream:
        assert stream.read(10) == bytes(10)
        now[0] = 880.0
        for read in (stream.read, lambda: storage.open("big"), lambda: next(storage.list("b"))):
            with pytest.raises(OutOfTime):
                read()
        storage.delete("big")  # what cleans up goes on


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 3 * PART + 17])
def test_a_written_stream_is_the_object(storage: Storage, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_streams, "_PART_BYTES", PART)
    content = (bytes(range(251)) * (size // 251 + 1))[:size]
    with storage.write("big") as stream:
        for start in range(0, size, 1_000_003):
            stream.write(content[start : start + 1_000_003])
    assert read(storage, "big") == content


def test_a_stream_that_fails_leaves_what_was_there(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_streams, "_PART_BYTES", PART)
    storage.put("kept", b"before")
    for key in ("kept", "never"):
        with pytest.raises(RuntimeError, match="broke"):
            write_and_break(storage, key)
    assert read(storage, "kept") == b"before"
    assert [each.key for each in storage.list("")] == ["kept"]


def test_an_object_does_not_exist_before_it_is_complete(storage: Storage) -> None:
    with storage.write("slow") as stream:
        stream.write(b"half")
        with pytest.raises(NotFound):
            storage.head("slow")
    assert read(storage, "slow") == b"half"


def test_a_listing_gives_the_keys_below_a_prefix_in_order(storage: Storage) -> None:
    keys = ["b/a-b", "b/a/z", "b/a.x", "b/ñ", "c/x", "b2"]
    for key in keys:
        storage.put(key, key.encode())
    assert [each.key for each in storage.list("b/")] == sorted(keys[:4], key=str.encode)
    assert [each.key for each in storage.list("b/a")] == ["b/a-b", "b/a.x", "b/a/z"]
    assert list(storage.list("nothing/")) == []
    assert [each.size for each in storage.list("c/")] == [3]


def test_deleting_what_is_not_there_is_no_error(storage: Storage) -> None:
    storage.put("a/b", b"")
    storage.delete("a/b")
    storage.delete("a/b")
    storage.delete("a/b/c")
    with pytest.raises(NotFound):
        storage.head("a/b")


# The folder


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", ".hidden", "a\\..\\b", "a\0b"]
)
def test_no_key_leaves_the_folder(folder: FolderStorage, key: str) -> None:
    for act in (folder.head, folder.open, folder.delete, lambda key: folder.put(key, b"")):
        with pytest.raises(BadRequest):
            act(key)


def test_no_symbolic_link_leads_out_of_the_folder(folder: FolderStorage, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder.put("a", b"")
    (tmp_path / "folder" / "link").symlink_to(tmp_path)
    with pytest.raises(BadRequest):
        folder.open("link/secret")


def test_a_folder_has_no_versions(folder: FolderStorage) -> None:
    folder.put("a", b"")
    with pytest.raises(NotFound, match="version v1"):
        folder.open("a", "v1")


def test_a_file_where_a_folder_should_be_is_told(folder: FolderStorage) -> None:
    folder.put("a", b"")
    with pytest.raises(DecantError, match=r"a/b can't be read or written"):
        folder.put("a/b", b"")


# S3


def test_a_version_is_read_after_it_was_replaced_and_not_after_it_was_deleted(s3: S3Storage, client: Any) -> None:
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    s3.put("a", b"old")
    version = s3.head("a").version
    s3.put("a", b"new")
    with s3.open("a", version) as stream:
        assert stream.read() == b"old"
    client.delete_object(Bucket=BUCKET, Key="a", VersionId=version)
    with pytest.raises(NotFound):
        s3.open("a", version)


def test_a_listing_follows_every_page(client: Any) -> None:
    s3 = S3Storage(client, BUCKET)
    stamp = "2026-01-01T00:00:00Z"
    entry = {"Size": 1, "LastModified": stamp, "ETag": '"e"'}
    with Stubber(client) as stub:
        stub.add_response(
            "list_objects_v2",
            {"Contents": [{"Key": "a", **entry}], "IsTruncated": True, "NextContinuationToken": "next"},
            {"Bucket": BUCKET, "Prefix": ""},
        )
        stub.add_response(
            "list_objects_v2",
            {"Contents": [{"Key": "b", **entry}], "IsTruncated": False},
            {"Bucket": BUCKET, "Prefix": "", "ContinuationToken": "next"},
        )
        assert [each.key for each in s3.list("")] == ["a", "b"]


def test_an_upload_that_fails_leaves_no_parts_behind(
    s3: S3Storage, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_streams, "_PART_BYTES", PART)
    with pytest.raises(RuntimeError):
        write_and_break(s3, "never")
    assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("SlowDown", 503, Unavailable),
        ("InternalError", 500, Unavailable),
        ("RequestTimeout", 400, Unavailable),
        ("NoSuchKey", 404, NotFound),
        ("MethodNotAllowed", 405, NotFound),
    ],
)
def test_the_answers_of_s3_are_translated(
    s3: S3Storage, client: Any, code: str, status: int, expected: type[DecantError]
) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(expected, match="s3://decant-backups/a"):
            s3.open("a")


@pytest.mark.parametrize("code", ["AccessDenied", "403"])
def test_a_denied_access_names_the_right_that_is_missing(s3: S3Storage, client: Any, code: str) -> None:
    with Stubber(client) as stub:
        stub.add_client_error("put_object", code, http_status_code=403)
        with pytest.raises(DecantError, match="s3:PutObject") as caught:
            s3.put("a", b"")
    assert caught.value.status == 500


def test_every_request_names_the_account_whose_the_bucket_is(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_streams, "_PART_BYTES", PART)
    asked: dict[str, str | None] = {}

    def note(params: dict[str, Any], model: Any, **_: object) -> None:
        asked[model.name] = params["headers"].get("x-amz-expected-bucket-owner")

    client.meta.events.register("before-call.s3", note)
    storage = S3Storage(client, BUCKET, owner="111122223333")
    storage.put("a", b"1")
    storage.head("a")
    storage.open("a").close()
    assert [each.key for each in storage.list("")] == ["a"]
    with storage.write("b") as stream:
        stream.write(bytes(PART + 1))
    with pytest.raises(RuntimeError):
        write_and_break(storage, "c")
    storage.delete("a")
    assert asked == dict.fromkeys((
        "PutObject", "HeadObject", "GetObject", "ListObjectsV2", "CreateMultipartUpload", "UploadPart",
        "CompleteMultipartUpload", "AbortMultipartUpload", "DeleteObject",
    ), "111122223333")  # fmt: skip


def test_a_missing_bucket_is_no_missing_object(client: Any) -> None:
    with pytest.raises(DecantError, match="no bucket") as caught:
        S3Storage(client, "elsewhere").open("a")
    assert caught.value.status == 500


@pytest.mark.parametrize(
    "error",
    [
        botocore.exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        botocore.exceptions.ResponseStreamingError(error="reset by peer"),
        botocore.exceptions.ReadTimeoutError(endpoint_url="http://localhost"),
        ConnectionResetError(),
    ],
)
def test_a_body_that_breaks_off_may_be_read_again(
    s3: S3Storage, monkeypatch: pytest.MonkeyPatch, client: Any, error: Exception
) -> None:
    class Broken(io.BytesIO):
        def read(self, amt: int | None = None) -> bytes:  # noqa: ARG002
            raise error

    monkeypatch.setattr(client, "get_object", lambda **_: {"Body": Broken()})
    with s3.open("a") as stream, pytest.raises(Unavailable, match="connection to S3 broke"):
        stream.read()


def test_a_presigned_form_takes_one_file_of_that_key_size_and_metadata(s3: S3Storage) -> None:
    form = s3.presign_upload(
        "incoming/jobs/Año 1.csv", max_bytes=1000, seconds=300, metadata={"run": "r1", "on-conflict": "skip"}
    )
    assert form["fields"]["key"] == "incoming/jobs/Año 1.csv"
    assert form["fields"]["x-amz-meta-run"] == "r1"
    conditions = json.loads(base64.b64decode(form["fields"]["policy"]))["conditions"]
    for condition in (
        ["content-length-range", 1, 1000],
        {"key": "incoming/jobs/Año 1.csv"},
        {"x-amz-meta-run": "r1"},
        {"x-amz-meta-on-conflict": "skip"},
        {"bucket": BUCKET},
    ):
        assert condition in conditions


def test_a_presigned_form_never_lets_the_browser_choose_the_key(s3: S3Storage) -> None:
    with pytest.raises(BadRequest, match="another file name"):
        s3.presign_upload("incoming/${filename}", max_bytes=1, seconds=1)


def test_a_presigned_download_carries_the_name_of_the_file(s3: S3Storage) -> None:
    query = parse_qs(urlsplit(s3.presign_download("a/b", seconds=60, filename='jobs "ñ".avro')).query)
    assert query["response-content-disposition"] == ["attachment; filename*=UTF-8''jobs%20%22%C3%B1%22.avro"]
