"""Where objects are kept: an S3 bucket, or a folder of the file system. Both keep one contract, ``ports.Storage``."""

from chalicelib.storage.folder import FolderStorage
from chalicelib.storage.s3 import S3Storage

__all__ = ["FolderStorage", "S3Storage"]
