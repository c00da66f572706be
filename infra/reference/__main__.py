"""Write docs/reference/ anew, but for the command line's, which it writes itself: ``make reference``."""

from infra.reference.documents import FOLDER, documents


def main() -> None:
    """Write every document."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in documents().items():
        (FOLDER / name).write_text(content)
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
