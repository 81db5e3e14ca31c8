"""Compare a Parquet file with the JSON records it was made of.

    compare.py DATA.parquet SCHEMA.json RECORDS.json

SCHEMA.json is the dataset's schema (columns with name, key and type); RECORDS.json
is the array of records as the source sent it. Prints one line that counts rows and
values; exits 1 and names the first differences if there are any.

What counts as equal: numbers by exact decimal value; timestamps by instant; text in a
column of mixed types by its JSON text; a missing key and null are both null.
"""

import json
import re
import sys
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow.parquet


class Number(str):
    """A JSON number as it was written."""


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f, parse_float=Number, parse_int=Number)


def compact(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + compact(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(compact(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def instant(text):
    text = re.sub(r"Z$", "+00:00", text.replace(" ", "T"))
    text = re.sub(r"([+-]\d\d)(\d\d)?$", lambda m: m[1] + ":" + (m[2] or "00"), text) if re.search(r"T.*[+-]\d\d(\d\d)?$", text) else text
    return datetime.fromisoformat(text)


def equal(want, got, kind):
    """Report whether the value got equals the JSON value want in a column of that type."""
    name = kind["kind"]
    if want is None:
        return got is None or (name == "JSON" and got == "null")
    if got is None:
        return False
    if name == "STRUCT":
        return isinstance(want, dict) and all(equal(want.get(f["key"]), got.get(f["name"]), f["type"]) for f in kind["fields"]) and set(want) <= {f["key"] for f in kind["fields"]}
    if name == "LIST":
        return isinstance(want, list) and len(want) == len(got) and all(equal(w, g, kind["elem"]) for w, g in zip(want, got))
    if name == "MAP":
        return isinstance(want, dict) and set(want) == {k for k, _ in got} and all(equal(want[k], v, kind["elem"]) for k, v in got)
    if name in ("BIGINT", "DOUBLE", "DECIMAL"):
        return isinstance(want, Number) and not isinstance(got, bool) and Decimal(want) == Decimal(repr(got) if isinstance(got, float) else got)
    if name == "BOOLEAN":
        return isinstance(want, bool) and want == got
    if name == "DATE":
        return isinstance(got, date) and date.fromisoformat(want) == got
    if name in ("TIMESTAMP", "TIMESTAMPTZ"):
        w = instant(want)
        return (w.astimezone(timezone.utc) == got.astimezone(timezone.utc)) if name == "TIMESTAMPTZ" else w == got
    if name == "JSON":
        return compact(want) == got or (json.loads(got) == json.loads(compact(want)))
    if isinstance(want, (Number, bool)):
        return compact(want) == got
    return want == got


def main(parquet, schema, records):
    columns = load(schema)["columns"]
    want = load(records)
    table = pyarrow.parquet.read_table(parquet)
    problems, values = [], 0
    if table.num_rows != len(want):
        problems.append(f"{len(want)} records were sent, {table.num_rows} rows are stored")
    keys = {c["key"] for c in columns}
    for n, record in enumerate(want):
        lost = set(record) - keys
        if lost:
            problems.append(f"record {n}: no column for {sorted(lost)}")
    for c in columns:
        got = table.column(c["name"]).to_pylist()
        for n, (record, value) in enumerate(zip(want, got)):
            values += 1
            if not equal(record.get(c["key"]), value, c["type"]):
                problems.append(f"record {n}, {c['key']!r} ({c['type']}): sent {record.get(c['key'])!r}, stored {value!r}")
    print(f"{table.num_rows} rows, {len(columns)} columns, {values} values, {len(problems)} differences")
    for p in problems[:20]:
        print(p)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
