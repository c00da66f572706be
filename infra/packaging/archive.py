"""The Lambda zip: the same files give the same bytes, whoever makes it, where and when."""

import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path

from infra.packaging.errors import PackagingError

_MOMENT = (1980, 1, 1, 0, 0, 0)  # a zip's own beginning of time
_MODE = (stat.S_IFREG | 0o644) << 16
_UNIX = 3


def write_archive(archive: Path, folders: Iterable[Path]) -> None:
    """Write the files of the folders, side by side, into one zip. Raises PackagingError when two claim one name."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in folder.rglob("*"):
            name = path.relative_to(folder).as_posix()
            if path.is_dir() or "__pycache__" in path.parts or path.suffix == ".pyc":
                continue
            if name in files:
                raise PackagingError(f"{name} comes from {files[name]} and from {path}.")
            files[name] = path
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.external_attr, entry.create_system = _MODE, _UNIX
            out.writestr(entry, files[name].read_bytes(), zipfile.ZIP_DEFLATED, compresslevel=9)


def unpacked_size(archive: Path) -> int:
    """Give the bytes that a zip's files take."""
    with zipfile.ZipFile(archive) as opened:
        return sum(entry.file_size for entry in opened.infolist())
