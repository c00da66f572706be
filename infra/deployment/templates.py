"""The templates of the stacks beside the application's."""

from pathlib import Path
from typing import Any

from chalice.package import YAMLTemplateSerializer

NETWORK = Path(__file__).parents[1] / "network.yaml"
DATABASE = Path(__file__).parents[1] / "database.yaml"


def load_template(file: Path) -> dict[str, Any]:
    """Read a template, with the short forms of intrinsic functions written out (`!Ref` as `Ref`)."""
    template: dict[str, Any] = YAMLTemplateSerializer().load_template(file.read_text(), file.name)
    return template
