"""Where a server works that is not run by the caller, while others start servers of their own."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from infra.local import unprivileged
from infra.local.unprivileged import Account, home


@pytest.fixture
def relocated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "relocated"
    folder.mkdir()
    monkeypatch.setattr(unprivileged, "RELOCATED", folder)
    monkeypatch.setattr(Account, "reaches", lambda *_: False)
    return folder


def work_place(wanted: Path) -> Path:
    return home(wanted, Account(uid=1, gid=1, is_other=True))


def test_what_is_made_survives_that_others_clear_away_orphans_at_any_moment(tmp_path: Path, relocated: Path) -> None:
    def others_start(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code is home.__code__ and event != "call":
            work_place(tmp_path / f"other-{frame.f_lineno}")
        return others_start

    usual = sys.gettrace()
    sys.settrace(others_start)
    try:
        made = work_place(tmp_path / "data")
    finally:
        sys.settrace(usual)
    assert (tmp_path / "data").readlink() == made
    assert (made / "origin").read_text() == str(tmp_path / "data")
    assert len(list(relocated.iterdir())) > 1


def test_what_nothing_links_to_is_cleared_away(tmp_path: Path, relocated: Path) -> None:
    made = work_place(tmp_path / "data")
    (tmp_path / "data").unlink()
    other = work_place(tmp_path / "other")
    assert list(relocated.iterdir()) == [other] != [made]


def test_what_is_not_written_to_its_end_is_left_alone(tmp_path: Path, relocated: Path) -> None:
    unfinished = relocated / f"{unprivileged.PREFIX}of-another"
    unfinished.mkdir()
    (unfinished / "origin").touch()
    made = work_place(tmp_path / "data")
    assert set(relocated.iterdir()) == {unfinished, made}


def test_a_copied_folder_gets_a_place_of_its_own(tmp_path: Path, relocated: Path) -> None:
    made = work_place(tmp_path / "data")
    (tmp_path / "copy").symlink_to(made)
    assert work_place(tmp_path / "copy") != made == work_place(tmp_path / "data")
    assert len(list(relocated.iterdir())) == 2
