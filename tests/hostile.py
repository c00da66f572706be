"""The list of bad input that Decant must survive. Each line of it has cases:

- ``WORKBOOKS``, ``CSV`` and ``VALUES`` in tests/contract/test_hostile_files.py, through the whole load on Postgres;
- ``NAMES`` in tests/contract/test_odd_events.py, as events of S3 tell them;
- ``JSON`` and ``ATTACKS`` in tests/app/test_hostile_requests.py, through the API;
- what ``COSTLY`` costs at most, in tests/unit/test_hostile_cost.py, below limits of memory and time that kill.

Each of them fails when a line has no case.
"""

WORKBOOKS = (
    "wrong extension", ".xls", ".xlsb", "encrypted", "zip bomb", "thousands of entries", "../ entries",
    "DTD / billion laughs", "error cells", "formulas without a cached value", "merged cells", "hidden sheets",
    "many sheets", "false dimensions", "serial 60 of 1900", "1904 epoch", "dates as serials or text", "16,384 columns",
    "blank tail of a million rows",
)  # fmt: skip
CSV = (
    "BOM", "UTF-16", "latin-1", "CR/LF/CRLF mixed", "quoted line breaks", "unbalanced quote", "NUL", "; as delimiter",
    "header", "no header", "duplicated header", "reordered header", "header in another case", "ragged rows", "empty",
    "header only", "one 100 MB field",
)  # fmt: skip
VALUES = (
    "NaN", "Infinity", "-0", "1e3", "full-width digits", "int4 ± 1", "2^53 + 1", "lone surrogates", "32,768 characters",
    "24:00", "Feb 30", "year 0 and 10000", "NULL as text",
)  # fmt: skip
NAMES = ("zero byte", "no UTF-8", "lone surrogate", "a cut escape", "URL-encoded", "folder marker", "as long as may be")
JSON = (
    "duplicate keys", "depth 10,000", "0 rows", "1 row", "1000 rows", "1001 rows", "an object for an array",
    "wrong content type", "no content type", "gzip bomb", "trailing data", "unknown columns",
)  # fmt: skip
ATTACKS = (
    "SQL in table, order and filter names", "..%2f in a backup id", "mass assignment", "reading another's run",
    "restoring with a reader's token", "log injection", "replayed upload forms", "formula injection in exports",
)  # fmt: skip
COSTLY = (
    "zip bomb", "thousands of entries", "DTD / billion laughs", "16,384 columns", "blank tail of a million rows",
    "one 100 MB field", "depth 10,000",
)  # fmt: skip
