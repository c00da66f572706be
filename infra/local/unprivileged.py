"""Postgres refuses to run as root: who runs it then, and in which folders that user can work."""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

RELOCATED = Path("/var/tmp")  # noqa: S108 - what is made in it belongs to root, and is checked to
PREFIX = "decant-postgres-"


@dataclass(frozen=True)
class Account:
    """The user that runs the server: the caller, or `nobody` when the caller is root."""

    uid: int
    gid: int
    is_other: bool

    @classmethod
    def of_server(cls) -> "Account":
        """Choose the account; no user is ever created."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), is_other=False)
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid, is_other=True)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command as this user, with nothing of the caller's environment; its status is the caller's to judge."""
        return subprocess.run(
            command,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self.uid if self.is_other else None,
            group=self.gid if self.is_other else None,
            extra_groups=[] if self.is_other else None,
        )

    def reaches(self, path: Path) -> bool:
        """Tell whether this user can enter the folder, or execute the file; the system says, access lists included."""
        return not self.is_other or self.run("test", "-x", str(path)).returncode == 0

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def home(wanted: Path, account: Account) -> Path:
    """Make the folder `wanted` and give the place where the server can really work.

    That is `wanted` itself, or, where the account can't reach it (a checkout under /root, pytest's temporary folders),
    a folder of root's under /var/tmp to which `wanted` becomes a link. Modes of folders above are never changed.
    """
    wanted = wanted.absolute()
    if wanted.is_symlink():
        target = wanted.readlink()
        if _origin(target) == wanted:
            return _of_root(target)
        wanted.unlink()  # its target has gone, or this is a copy of a checkout, whose link names the original's data
    wanted.mkdir(parents=True, exist_ok=True)
    if not account.is_other:
        wanted.chmod(0o700)
        return wanted
    wanted.chmod(0o711)
    if account.reaches(wanted):
        return wanted
    _forget_orphans()
    target = RELOCATED / (PREFIX + hashlib.sha256(os.fsencode(wanted)).hexdigest()[:16])
    target.mkdir(mode=0o711, exist_ok=True)
    _of_root(target).chmod(0o711)
    wanted.rmdir()
    wanted.symlink_to(target)
    # Last: a folder that names an origin without a link is an orphan, which whoever starts a server may delete.
    (target / "origin").write_text(str(wanted))
    return target


def forget(wanted: Path) -> None:
    """Delete the folder `wanted`, and what it links to."""
    wanted = wanted.absolute()
    if wanted.is_symlink():
        target = wanted.readlink()
        if _origin(target) == wanted:
            shutil.rmtree(_of_root(target), ignore_errors=True)
        wanted.unlink()
    elif wanted.exists():
        shutil.rmtree(wanted)


def _of_root(folder: Path) -> Path:
    """Give the folder back; raise PermissionError when somebody else made it, as anybody may under /var/tmp."""
    status = folder.lstat()
    if folder.is_symlink() or status.st_uid != os.geteuid():
        raise PermissionError(f"{folder} belongs to user {status.st_uid}: remove it, then start again")
    return folder


def _forget_orphans() -> None:
    """Delete relocated folders whose link has gone (pytest clears its own), unless a server runs in them."""
    for folder in RELOCATED.glob(PREFIX + "*"):
        link = _origin(folder)
        if link is None or folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            continue
        linked = link.is_symlink() and link.readlink() == folder
        if not linked and not (folder / "cluster" / "postmaster.pid").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _origin(folder: Path) -> Path | None:
    """Give the place for which a relocated folder was made; None when it is no such folder, or not one yet."""
    try:
        origin = (folder / "origin").read_text()
    except OSError:
        return None
    return Path(origin) if origin else None
