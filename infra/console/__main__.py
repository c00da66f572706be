"""Make what browsers load of the web console's sources: ``make console``."""

from infra.console.bundle import STATIC, make


def main() -> None:
    """Make the files, and tell what they weigh."""
    for path in make():
        print(f"{path.relative_to(STATIC.parents[2])}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
