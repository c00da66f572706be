"""Measurements, each a script that prints what it found; nothing here is a test."""
