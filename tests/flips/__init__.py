"""Backups that are damaged on purpose, and what reads them: see ``python -m tests.flips``."""
