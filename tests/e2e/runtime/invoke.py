"""Calls the API and the worker of a package as Lambda does, with the packages of given folders and no others.

Run with `python -I -S`; reads what to do from standard input, as JSON, and writes what came of it into the last line.
"""

import json
import sys
from pathlib import Path

given = json.load(sys.stdin)
sys.path[:0] = given["path"]

import app  # noqa: E402 - the path is only known now

answer = app.app(given["request"], None)
app.worker(given["work"], None)
origins = {
    name: str(Path(file).resolve())
    for name, module in sys.modules.items()
    if "." not in name and (file := getattr(module, "__file__", None))
}
print(json.dumps({"answer": answer, "origins": origins}))
