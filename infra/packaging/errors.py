"""The one error of packaging."""


class PackagingError(Exception):
    """There is no package, or only an incomplete one; the message says what is wrong, and where."""
