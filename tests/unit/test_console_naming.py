"""The console guesses by a file's name the table that the service takes; run by node where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from chalicelib.dictionary.model import Dictionary
from chalicelib.load.routing import INTAKE_PREFIX, claimed_by

MODULE = Path(__file__).parents[2] / "chalicelib" / "console" / "source" / "naming.js"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node here; browsers run the module in the browser tests")

_words = st.sampled_from(["jobs", "Jobs", "JOB", "departments", "hired_employees", "HIRED_EMPLOYEES", "hired", "x"])
_ends = st.text("_-. 1aZäß", max_size=4)
_names = st.builds(lambda *parts: "".join(parts), _words, _ends, st.sampled_from([".csv", ".xlsx", ".CSV", ""]))


# Without shrinking, for each try starts node.
@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.lists(_names, min_size=20, max_size=40))
def test_console_and_service_take_a_name_for_the_same_table(dictionary: Dictionary, names: list[str]) -> None:
    tables = [table.name for table in dictionary.tables]
    work = f"console.log(JSON.stringify({json.dumps(names)}.map((n) => guessTable(n, {json.dumps(tables)}) ?? null)));"
    command = [str(NODE), "--input-type=module", "--eval", f"{MODULE.read_text()}\n{work}"]
    guessed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    claimed = [claimed_by(dictionary, INTAKE_PREFIX + name) for name in names]
    assert guessed == [None if table is None else table.name for table in claimed]
