"""What is measured in a process of its own: peers that are Python packages, and our handlers.

Each writes what it measured as one line of JSON, its last: the seconds of the work alone, not of its imports.
"""
