"""What a package is made for: a Lambda runtime on AWS, or the interpreter and machine at hand, for emulators."""

from __future__ import annotations

import platform
import re
import sys
from dataclasses import dataclass

from infra.packaging.errors import PackagingError

RUNTIMES = ("3.12", "3.13")  # both on Amazon Linux 2023; SnapStart from 3.12 on
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
# Amazon Linux 2023 has glibc 2.34, and takes what was built for an older one.
_GLIBC_MINORS = range(34, 16, -1)


@dataclass(frozen=True)
class Runtime:
    """`python` is major.minor; `architecture` is as Lambda names it. `at_hand`: for this very interpreter.

    `emulated`: for an emulator elsewhere, a container for instance, that knows the runtime and no SnapStart.
    """

    python: str
    architecture: str
    at_hand: bool = False
    emulated: bool = False

    @classmethod
    def aws(cls, python: str = "3.13", architecture: str = "x86_64") -> Runtime:
        """Give a runtime of AWS Lambda; raises PackagingError for one that there is not, or that is too old."""
        if python not in RUNTIMES:
            raise PackagingError(f"PYTHON_RUNTIME is {python!r}; it takes {' or '.join(RUNTIMES)}.")
        if architecture not in _MACHINES:
            raise PackagingError(f"ARCHITECTURE is {architecture!r}; it takes {' or '.join(_MACHINES)}.")
        return cls(python, architecture)

    @classmethod
    def here(cls) -> Runtime:
        """Give the interpreter and machine at hand: emulators run functions with it."""
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        arm = re.fullmatch("arm64|aarch64", platform.machine())
        return cls(python, "arm64" if arm else "x86_64", at_hand=True)

    @property
    def name(self) -> str:
        """Lambda's name of the runtime."""
        return f"python{self.python}"

    @property
    def identity(self) -> list[str]:
        """What tells packages of two runtimes apart."""
        here = [platform.python_version(), platform.machine(), sys.platform] if self.at_hand else []
        return [self.name, self.architecture, *here, *(["emulated"] if self.emulated else [])]

    @property
    def pip_options(self) -> list[str]:
        """Which wheels pip is to take."""
        if self.at_hand:
            return []
        machine = _MACHINES[self.architecture]
        platforms = [*(f"manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS), f"manylinux2014_{machine}"]
        chosen = [option for name in platforms for option in ("--platform", name)]
        return [*chosen, "--python-version", self.python, "--implementation", "cp"]

    @property
    def marker_environment(self) -> dict[str, str]:
        """What a requirement's marker is evaluated with; empty for the interpreter at hand."""
        if self.at_hand:
            return {}
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
        }
