"""The client of the API, against a small server that answers as it is told and remembers what it was asked."""

import io
from pathlib import Path

import pytest

from decant import following
from decant.client import Client
from decant.download import save
from decant.exits import Exit
from decant.failures import CommandError, Unreachable
from decant.following import follow
from tests.unit.conftest import Server

TOKEN = "decant_abc_secret"


@pytest.fixture
def client(server: Server) -> Client:
    return Client(f"{server.url}/api/", TOKEN)


def test_a_question_carries_the_token_and_its_query(server: Server, client: Client) -> None:
    server.answer("GET /api/runs?limit=5", body={"runs": []})
    assert client.ask("/runs", limit=5, after=None) == {"runs": []}
    [(_, headers, _)] = server.asked
    assert headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("status", "code", "exit_code"),
    [
        (400, "bad-request", Exit.REFUSED),
        (401, "unauthorized", Exit.NOT_ALLOWED),
        (403, "forbidden", Exit.NOT_ALLOWED),
        (404, "not-found", Exit.REFUSED),
        (422, "unprocessable", Exit.REFUSED),
        (500, "internal-error", Exit.UNREACHABLE),
        (503, "unavailable", Exit.UNREACHABLE),
    ],
)
def test_a_problem_is_told_by_its_code_and_its_exit_status(
    server: Server, client: Client, status: int, code: str, exit_code: Exit
) -> None:
    server.problem("GET /api/runs", status, code, errors=[{"row": 1}])
    with pytest.raises(CommandError) as told:
        client.ask("/runs")
    assert (told.value.exit, told.value.code) == (exit_code, code)
    if exit_code is Exit.REFUSED:
        assert (told.value.detail, told.value.errors) == ("So it is.", [{"row": 1}])


def test_a_batch_of_which_nothing_went_in_is_an_answer(server: Server, client: Client) -> None:
    server.answer("POST /api/tables/jobs/rows", 422, {"inserted": 0}, **{"Content-Type": "application/json"})
    assert client.ask("/tables/jobs/rows", "POST", [{}]) == {"inserted": 0}


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>hello"), (502, b"<html>Bad Gateway"), (404, b"{}")])
def test_what_is_no_api_is_told(server: Server, client: Client, status: int, body: bytes) -> None:
    server.answer("GET /api/runs", status, body)
    with pytest.raises(Unreachable, match="as Decant's API never does"):
        client.ask("/runs")


def test_a_download_follows_to_where_the_file_is_and_leaves_the_token_behind(
    server: Server, client: Client, tmp_path: Path
) -> None:
    server.answer("GET /api/backups/1/file", 303, b"", Location=f"{server.url}/bucket/a?signature=x")
    server.answer("GET /bucket/a?signature=x", body=b"Obj\x01")
    save(client.open("/backups/1/file"), tmp_path / "a.avro")
    assert (tmp_path / "a.avro").read_bytes() == b"Obj\x01"
    assert [("authorization" in headers) for _, headers, _ in server.asked] == [True, False]


def test_a_download_whose_connection_ends_early_leaves_nothing(server: Server, client: Client, tmp_path: Path) -> None:
    server.answer("GET /bucket/a", 200, b"Obj\x01", **{"Content-Length": "5"})
    (tmp_path / "a").write_text("before")
    with pytest.raises(Unreachable, match="4 of 5 bytes"):
        save(client.open_url(f"{server.url}/bucket/a"), tmp_path / "a")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "before")]


def test_a_download_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError("gone")

    (tmp_path / "a").write_text("before")
    with pytest.raises(Unreachable, match="gone"):
        save(Broken(), tmp_path / "a")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a", "before")]


def test_an_upload_is_the_form_s_fields_and_then_the_file(server: Server, client: Client) -> None:
    server.answer("POST /bucket", 204, b"")
    form = {"url": f"{server.url}/bucket", "run": "r1", "fields": {"key": "incoming/jobs/r1/jobs.csv", "policy": "p"}}
    client.upload(form, 'jobs "ü".csv', 8, iter([b"1,Cl", b"erk\n"]))
    [(_, headers, body)] = server.asked
    assert "authorization" not in headers
    boundary = headers["content-type"].partition("boundary=")[2].encode()
    parts = body.split(b"--" + boundary)
    assert [b'name="key"' in parts[1], b'name="policy"' in parts[2], b'name="file"' in parts[3]] == [True] * 3
    assert parts[3].endswith(b"\r\n\r\n1,Clerk\n\r\n")
    assert parts[4] == b"--\r\n"


def test_an_upload_that_the_bucket_refuses_is_told(server: Server, client: Client) -> None:
    server.answer("POST /bucket", 403, b"<Error>EntityTooLarge</Error>")
    with pytest.raises(CommandError, match="EntityTooLarge"):
        client.upload({"url": f"{server.url}/bucket", "run": "r", "fields": {}}, "a.csv", 1, [b"a"])


@pytest.mark.parametrize(
    ("typed", "sent"), [("/tables/a b", "/tables/a%20b"), ("/tables/ñ%20?a=ü", "/tables/%C3%B1%20?a=%C3%BC")]
)
def test_what_a_person_types_makes_no_broken_request(server: Server, client: Client, typed: str, sent: str) -> None:
    server.answer(f"GET /api{sent}", body={})
    assert client.ask(typed) == {}


def test_pages_are_asked_for_until_there_are_enough(server: Server, client: Client) -> None:
    server.answer("GET /api/runs?limit=3", body={"runs": [{"id": 1}, {"id": 2}], "next": "b"})
    server.answer("GET /api/runs?limit=1&after=b", body={"runs": [{"id": 3}], "next": "c"})
    assert [run["id"] for run in client.pages("/runs", "runs", 3)] == [1, 2, 3]


def test_a_run_is_followed_through_a_short_silence_until_it_has_ended(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.answer("GET /api/runs/r1", body={"id": "r1", "state": "running", "phase": "validating"})
    server.problem("GET /api/runs/r1", 503, "unavailable")
    server.answer("GET /api/runs/r1", body={"id": "r1", "state": "succeeded"})
    shown: list[str] = []
    ended = follow(client, {"a.csv": "r1"}, lambda runs: shown.append(runs["a.csv"]["state"]))
    assert ended == {"a.csv": {"id": "r1", "state": "succeeded"}}
    assert shown == ["running", "succeeded"]


def test_a_run_that_nobody_takes_is_not_waited_for_without_end(
    server: Server, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(following, "PATIENCE_SECONDS", 0.05)
    server.answer("GET /api/runs/r1", body={"id": "r1", "state": "queued"})
    with pytest.raises(Unreachable, match=r"Nothing has moved .* \(a\.csv\)"):
        follow(client, {"a.csv": "r1"}, lambda _: None)
