"""How the commands behind the Makefile tell what went wrong."""

from rich.console import Console


def complain(target: str, problem: object) -> None:
    """Tell on standard error why a target of the Makefile did not do what it is for; in red on a terminal."""
    # As it is: names of AWS hold what rich takes for markup and emoji.
    Console(stderr=True).print(
        f"make {target}: {problem}", style="red", markup=False, emoji=False, highlight=False, soft_wrap=True
    )
