"""Compare the files of a version, and its export, with the records of its runs.

    versions.py append|merge FOLDER FILE.parquet...

FOLDER holds sent.json (the records of each run, oldest run first), export.ndjson (what
the server says the version holds) and schema.json. The files are one for each run, in
order. Of merge, the newest record of each id counts.

Prints one line; exits 1 and names the differences if there are any.
"""

import json
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet


def plain(value):
    """One spelling for what Parquet, the export and the records say of a value."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float, Decimal)):
        return Decimal(repr(value) if isinstance(value, float) else value).normalize()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return str(value)


def spelled(value, numeric):
    """The value of a column; numbers may be text, where a double would round them."""
    if numeric and isinstance(value, str):
        value = Decimal(value)
    return plain(value)


def main(mode, folder, files):
    folder = Path(folder)
    numeric = {"id", "n"}

    def row(record):
        return json.dumps({k: spelled(v, k in numeric) for k, v in sorted(record.items()) if v is not None}, default=str, ensure_ascii=False, sort_keys=True)

    def load(text):
        return json.loads(text, parse_float=Decimal)

    sent = load((folder / "sent.json").read_text())
    read = [pyarrow.parquet.read_table(f).to_pylist() for f in files]
    wrong = []
    for n, (records, rows) in enumerate(zip(sent, read), 1):
        want, got = sorted(map(row, records)), sorted(map(row, rows))
        if want != got:
            wrong.append(f"file {n}: sent {want}, read {got}")

    def counting(runs):
        if mode == "append":
            return sorted(row(r) for run in runs for r in run)
        return sorted(row(r) for r in {plain(r["id"]): r for run in runs for r in run}.values())

    export = sorted(row(load(line)) for line in (folder / "export.ndjson").read_text().splitlines())
    for name, want in ("sent", counting(sent)), ("read from the files", counting(read)):
        if want != export:
            wrong.append(f"export: {name} {want}, exported {export}")
    columns = [c["name"] for c in json.loads((folder / "schema.json").read_text())["columns"]]
    for line in (folder / "export.ndjson").read_text().splitlines():
        if list(load(line)) != columns:
            wrong.append(f"the columns are {columns}, and a row has {list(load(line))}")
    print(f"{len(files)} files with {sum(map(len, read))} rows, {len(export)} exported")
    for w in wrong:
        print(w)
    return 1 if wrong else 0


sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
