"""The local stand-in for AWS's AWSSDKPandas layer: a published layer that names the project's environment."""

import hashlib
import io
import sysconfig
import zipfile
from typing import Any

NAME = "decant-sdk-pandas"


def publish_layer(functions: Any) -> str:
    """Publish the layer through a Lambda client, unless it is there; give its ARN."""
    archive = _archive()
    digest = hashlib.sha256(archive).hexdigest()
    for version in functions.list_layer_versions(LayerName=NAME)["LayerVersions"]:
        if version.get("Description") == digest:
            return str(version["LayerVersionArn"])
    published = functions.publish_layer_version(LayerName=NAME, Description=digest, Content={"ZipFile": archive})
    return str(published["LayerVersionArn"])


def _archive() -> bytes:
    """A zip whose .pth puts the project's packages before the emulator's own, where the real layer's would be."""
    here = sysconfig.get_path("purelib")
    line = f'import sys, sysconfig; sys.path.insert(sys.path.index(sysconfig.get_path("purelib")), {here!r})\n'
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        # A fixed moment, so that the same content has the same digest.
        archive.writestr(zipfile.ZipInfo("python/lib/python3/site-packages/decant.pth"), line)
    return memory.getvalue()
