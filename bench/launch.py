"""Runs a program and tells its time and its peak memory: `python launch.py REPORT PROGRAM [ARGUMENT…]`.

A process of its own, and a small one: Linux counts the memory of who starts a program as the program's.
"""

import json
import os
import sys
import time

begun = time.perf_counter()
child = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
seconds = time.perf_counter() - begun
with open(sys.argv[1], "w") as report:  # noqa: PTH123 - an import would be memory
    json.dump({"seconds": seconds, "megabytes": used.ru_maxrss / 1024}, report)
sys.exit(1 if os.waitstatus_to_exitcode(status) else 0)
