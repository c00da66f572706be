"""Inputs that broke a promise once: a file each, in the folder of their target."""

from pathlib import Path

FINDINGS = Path(__file__).parent
