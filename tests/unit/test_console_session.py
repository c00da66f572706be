"""What is left on a tab of the console when its caller goes, run by node where there is one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "chalicelib" / "console" / "source"
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no node here; the browser tests sign in and out")

PACKAGES = {
    "preact": {".": "preact.js", "./hooks": "preact-hooks.js"},
    "htm": {".": "htm.js"},
}
# A browser's tab, and an API that knows callers by their tokens. A run ends when the test says so.
TAB = """
globalThis.sessionStorage = { getItem: () => null, setItem() {}, removeItem() {} };
globalThis.document = { hidden: false };
const callers = {};
const asked = [];
globalThis.fetch = async (url, { headers }) => {
  const token = headers.Authorization.replace("Bearer ", "");
  asked.push([url.pathname.split("/").pop(), token]);
  const caller = callers[token];
  return new Response(JSON.stringify(caller ? answer(caller) : {}), { status: caller ? 200 : 401 });
};
let answer = (caller) => caller;
globalThis.XMLHttpRequest = class extends EventTarget {
  upload = new EventTarget();
  status = 204;
  open() {}
  send() { queueMicrotask(() => this.dispatchEvent(new Event("load"))); }
};
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const { ask, session, signIn, signOut } = await import("./source/api.js");
const { correctionsOf, edit, waiting } = await import("./source/corrections.js");
const { addFiles, startUploads } = await import("./source/uploads.js");
const row = { table: "jobs", row: 1, cells: { name: "" } };
const unsent = () => waiting(correctionsOf("run").get()).length;
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The console's modules, with the packages that they name."""
    folder = tmp_path_factory.mktemp("console")
    shutil.copytree(SOURCE, folder / "source")
    (folder / "package.json").write_text('{"type": "module"}')
    for package, files in PACKAGES.items():
        home = folder / "node_modules" / package
        home.mkdir(parents=True)
        exports = {name: f"./{file}" for name, file in files.items()}
        (home / "package.json").write_text(json.dumps({"name": package, "type": "module", "exports": exports}))
        for file in files.values():
            shutil.copy(SOURCE / "vendor" / file, home / file)
    return folder


def told(folder: Path, work: str) -> Any:
    """What a visit tells of itself."""
    command = [str(NODE), "--input-type=module", "--eval", f"{TAB}\n{work}\nprocess.exit(0);"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("next_caller", "kept"),
    [({"id": "2", "name": "bea"}, 0), ({"id": "1", "name": "ana"}, 1), ({"id": "2", "name": "ana"}, 1)],
    ids=["another", "the same", "the same with a new token"],
)
def test_whose_token_expired_finds_all_as_it_was_and_nobody_else_does(
    folder: Path, next_caller: dict[str, str], kept: int
) -> None:
    work = f"""
    callers.first = {{ id: "1", name: "ana" }};
    await signIn("first");
    edit(correctionsOf("run"), row, "name", "Ana's");
    delete callers.first;
    await ask("runs").catch(() => {{}});
    const left = session.get().left;
    await signIn("wrong").catch(() => {{}});
    callers.second = {json.dumps(next_caller)};
    await signIn("second");
    console.log(JSON.stringify([left, unsent(), session.get().caller]));
    """
    assert told(folder, work) == ["expired", kept, next_caller]


def test_who_signs_out_leaves_nothing_and_is_told_nothing_of_an_expired_token(folder: Path) -> None:
    work = """
    callers.first = { id: "1", name: "ana" };
    await signIn("first");
    edit(correctionsOf("run"), row, "name", "Ana's");
    answer = (caller) => ({ ...caller, url: "https://bucket", fields: {}, run: "run", state: "running" });
    addFiles([new File(["1"], "jobs.csv")]);
    startUploads({});
    await pause(50);
    const sent = asked.length;
    signOut();
    await ask("runs").catch(() => {});
    await pause(700);
    console.log(JSON.stringify([unsent(), session.get().left, asked.slice(sent)]));
    """
    assert told(folder, work) == [0, None, []]
