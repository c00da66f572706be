"""dlt: a CSV file read by pyarrow into a table without constraints: `dlt_load URL FILE FOLDER`."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

url, path, folder = sys.argv[1:]
os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DLT_DATA_DIR": folder,
        "DESTINATION__POSTGRES__CREDENTIALS": url,
    }
)

import dlt  # noqa: E402 - reads its settings when it is imported
import pyarrow as pa  # noqa: E402
import pyarrow.csv as pa_csv  # noqa: E402

TYPES = {
    "id": pa.int32(),
    "name": pa.string(),
    "datetime": pa.timestamp("us", "UTC"),
    "department_id": pa.int32(),
    "job_id": pa.int32(),
}


# CSV is what dlt writes and Postgres copies fastest; its own choice would be INSERT statements.
@dlt.resource(name="hired_employees", write_disposition="replace", file_format="csv")  # type: ignore[untyped-decorator]
def employees() -> Iterator[Any]:
    """Yield the file's record batches."""
    reading = pa_csv.ReadOptions(column_names=list(TYPES))
    with pa_csv.open_csv(path, reading, convert_options=pa_csv.ConvertOptions(column_types=TYPES)) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination="postgres", dataset_name="dlt_bench")
begun = time.perf_counter()
pipeline.run(employees(), loader_file_format="csv").raise_on_failed_jobs()
print(json.dumps({"seconds": time.perf_counter() - begun}))
