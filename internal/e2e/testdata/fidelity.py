"""Compare what was sent with what every reader reads back.

    fidelity.py FOLDER

FOLDER holds a folder for each dataset, with
    sent-RUN-PAGE        bodies as the source sent them
    schema.json          columns with name, key and type
    profile.json         GET /v1/datalines/{id}/profile
    and what readers read: data.parquet, export.{parquet,arrow,csv,ndjson},
    rows-N.json (pages of GET .../rows), run-N.json (programs that select every column
    by name), test.json (test-connection); those that are missing are not compared.

The truth is Python's json, which keeps numbers as they are written. Nothing here is
shared with what is tested. A value that is not what was sent is a difference, unless
it is one of CONVERSIONS, which say what is kept and which note of the profile has to
name the column. What the profile counts is compared, too.

Prints a line for each reader, the conversions, and the differences; exits 1 if there
are any.
"""

import collections
import glob
import json
import os
import re
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pyarrow.ipc
import pyarrow.parquet

# What may become of a value, and the note that says so at its place.
CONVERSIONS = {
    "offset": "the instant of a time is kept, its offset from UTC is not",
    "text of mixed": "numbers, booleans and strings in one place are text as written",
    "text of number": "a number that no number type holds is text as written",
    "decimal": "a number that a DOUBLE would change is an exact DECIMAL",
    "json": "different shapes, and what has no type, are JSON text",
    "map": "an object with unbounded keys is a MAP",
    "zero": "a zero has no sign where others have none",
    "missing": "a missing key is null",
    "empty list": "the elements of lists that are always empty have no type",
    "always null": "a place that is always null is a VARCHAR",
    "chosen": "a person chose the type",
    "name": "a key that cannot be a column's name has another name",
}
NOTES = {
    "offset": r"^(\d+) values had an offset other than UTC, which is not kept; the instant is$",
    "text of mixed": r"^mixed \(.*\): kept as text$",
    "text of number": r"kept as text$",
    "decimal": r"kept as exact DECIMAL$",
    "json": r"kept as JSON text$",
    "map": r"kept as MAP$",
    "zero": r"the sign is not kept$",
    "empty list": r"^no array has an element",
    "always null": r"^always null$",
    "chosen": r"^a person chose this type",
}


class Number(str):
    """A JSON number as it was written."""


MISSING = object()
UTC = timezone.utc


def once(pairs):
    got = dict(pairs)
    if len(got) != len(pairs):
        raise ValueError("an object has a key twice")
    return got


def parse(text):
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    return json.loads(text, parse_float=Number, parse_int=Number, object_pairs_hook=once)


def number(text):
    """The number, exactly: sign, digits without zeros at the end, exponent. Decimal has too few exponents."""
    m = re.fullmatch(r"(-?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?", text)
    whole, frac, exp = m[2], m[3] or "", int(m[4] or 0)
    digits = (whole + frac).lstrip("0")
    kept = digits.rstrip("0")
    return m[1], kept, exp - len(frac) + len(digits) - len(kept) if kept else 0


def moment(text):
    """The date or time in text: (datetime in UTC or local, offset in minutes or None)."""
    m = re.fullmatch(r"(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:([Zz])|([+-])(\d\d):?(\d\d)?)?)?", text)
    at = datetime.fromisoformat(m[1] + "T" + (m[2] or "00:00") + ":" + (m[3] or "00"))
    frac = (m[4] or "").rstrip("0")
    if len(frac) > 6:
        raise ValueError("finer than a microsecond")
    at += timedelta(microseconds=int(frac.ljust(6, "0")))
    if not m[5] and not m[6]:
        return at, None
    minutes = int((m[6] or "+") + "1") * (int(m[7] or 0) * 60 + int(m[8] or 0))
    return at - timedelta(minutes=minutes), minutes


def csv_rows(text):
    """RFC 4180, to the letter: None for nothing, text for what is quoted or not."""
    rows, row, i = [], [], 0
    while i < len(text):
        if text[i] == '"':
            parts = []
            while True:
                end = text.index('"', i + 1)
                parts.append(text[i + 1 : end])
                i = end + 1
                if text[i : i + 1] != '"':
                    break
                parts.append('"')
            value = "".join(parts)
        else:
            m = re.compile(r"[^,\r\n\"]*").match(text, i)
            value, i = m[0] or None, m.end()
        row.append(value)
        if text.startswith("\r\n", i):
            rows.append(row)
            row, i = [], i + 2
        elif text[i : i + 1] == ",":
            i += 1
            if text.startswith("\r\n", i):
                row.append(None)
                rows.append(row)
                row, i = [], i + 2
        else:
            raise ValueError(f"CSV at {i}: {text[i:i+20]!r}")
    if row:
        raise ValueError("CSV does not end with a line break")
    return rows


def compact(value):
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + compact(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(compact, value)) + "]"
    return json.dumps(value)


class Place:
    """What was sent at one place, and what the profile says about it."""

    def __init__(self, known):
        self.known, self.counts, self.used = known, collections.Counter(), collections.Counter()

    def note(self, what):
        return next((m for n in self.known["unusual"] if (m := re.search(NOTES[what], n))), None)


class Case:
    def __init__(self, folder):
        self.folder, self.name = folder, os.path.basename(folder)
        self.schema = self.read("schema.json")["columns"]
        profile = self.read("profile.json")["columns"]
        self.places = {tuple(c["path"]): Place(c) for c in profile}
        self.problems, self.converted = [], collections.Counter()
        self.test = self.read("test.json")
        self.within = self.test["detected"]["response_path"]["path"]
        self.sent = [r for f in sorted(glob.glob(glob.escape(folder) + "/sent-*")) for r in records(parse(open(f, "rb").read()), self.within)]

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="utf-8", newline="") as f:
            return parse(f.read())

    def problem(self, text):
        self.problems.append(f"{self.name}: {text}"[:600])

    def count(self):
        """Count what was sent at each place, find conversions, and compare both with the profile."""
        for r in self.sent:
            self.see_fields(r, self.schema, ())
        for path, place in self.places.items():
            c, k = place.counts, place.known
            for name, field in (("values", "values"), ("nulls", "nulls"), ("missing", "missing")):
                if c[name] != int(k[field]):
                    self.problem(f"{path}: {c[name]} {name} were sent, the profile counts {k[field]}")
            for what in place.used:
                self.converted[what] += place.used[what]
                if what in NOTES and not place.note(what) and not place.note("chosen"):
                    self.problem(f"{path} ({k['type']}): {place.used[what]} x {what}, of which the profile says nothing but {k['unusual']}")
            if (m := place.note("offset")) and not place.note("chosen") and int(m[1]) != place.used["offset"]:
                self.problem(f"{path}: {place.used['offset']} offsets were sent, the profile says {m[0]}")

    def see_fields(self, value, fields, path):
        for key in value.keys() - {f["key"] for f in fields}:
            self.problem(f"{path}: key {key!r} has no column")
        for f in fields:
            at = path + (f["name"],)
            if (known := self.places[at].known)["key"] != f["key"]:
                self.problem(f"{at}: the profile says the key was {known['key']!r}, it was {f['key']!r}")
            if f["name"] != f["key"]:
                self.places[at].used["name"] = 1
            self.see(value.get(f["key"], MISSING), f["type"], at)

    def see(self, value, kind, path):
        place, name = self.places[path], kind["kind"]
        if value is MISSING or value is None:
            place.counts["missing" if value is MISSING else "nulls"] += 1
            if value is MISSING:
                place.used["missing"] += 1
            elif place.known["values"] == "0" and name == "VARCHAR":
                place.used["always null"] += 1
            return
        place.counts["values"] += 1
        if place.note("chosen"):
            place.used["chosen"] += 1
        elif name in ("BIGINT", "DECIMAL", "DOUBLE") and not isinstance(value, Number) or name in ("DATE", "TIMESTAMP", "TIMESTAMPTZ") and type(value) is not str:
            self.problem(f"{path}: {value!r} is a {name}")
        elif name == "STRUCT" and isinstance(value, dict):
            self.see_fields(value, kind["fields"], path)
        elif name == "LIST" and isinstance(value, list):
            for v in value:
                self.see(v, kind["elem"], path + ("[]",))
            if path + ("[]",) in self.places and not value and self.places[path].note("empty list"):
                place.used["empty list"] += 1
        elif name == "MAP" and isinstance(value, dict):
            place.used["map"] += 1
            for v in value.values():
                self.see(v, kind["elem"], path + ("{}",))
        elif name == "JSON":
            place.used["json"] += 1
        elif name == "DECIMAL":
            place.used["decimal"] += 1
        elif name == "VARCHAR" and not isinstance(value, str) or name == "VARCHAR" and isinstance(value, Number):
            place.used["text of mixed" if place.note("text of mixed") else "text of number"] += 1
        elif name == "DOUBLE" and number(value)[:2] == ("-", "") and place.note("zero"):
            place.used["zero"] += 1
        elif name == "TIMESTAMPTZ" and moment(value)[1]:
            place.used["offset"] += 1

    def compare(self, reader, rows, same):
        """Compare rows, as lists in the order of columns, and return how many values were."""
        if len(rows) != len(self.sent):
            self.problem(f"{reader}: {len(self.sent)} records were sent, {len(rows)} rows are read")
        n = 0
        for i, (record, row) in enumerate(zip(self.sent, rows)):
            if len(row) != len(self.schema):
                self.problem(f"{reader}: row {i} has {len(row)} columns of {len(self.schema)}")
                continue
            for c, got in zip(self.schema, row):
                n += 1
                want = record.get(c["key"])
                try:
                    ok = same(self, want, got, c["type"], (c["name"],))
                except Exception as e:
                    ok, got = False, f"{got!r}: {e!r}"
                if not ok:
                    self.problem(f"{reader}: record {i}, {c['key']!r} ({c['type']['kind']}): sent {want!r}, read {got!r}")
        return n


def records(body, path):
    """The records of a body, as connector.md says; path is $ or a key."""
    if path != "$":
        body = body[path]
    if body is None:
        return []
    if not isinstance(body, list):
        body = [body]
    if body and all(isinstance(r, list) and r for r in body):
        return [{f"column_{i+1}": v for i, v in enumerate(r)} for r in body]
    return [r if isinstance(r, dict) else {"value": r} for r in body]


def same_number(case, want, got, name, path):
    w, g = number(want), number(got)
    if name == "DOUBLE" and w[1] == "" and case.places[path].note("zero"):
        return g[1:] == w[1:] and g[0] in (w[0], "")
    if w[1] == "" and name != "DOUBLE" and case.places[path].note("chosen"):
        return g[1] == ""
    return w == g


def same(case, want, got, kind, path, scalar):
    """Whether got is want, where lists are lists, and scalar compares the rest."""
    name = kind["kind"]
    if want is None or got is None:
        return want is None and got is None
    if name == "STRUCT":
        return (
            isinstance(want, dict)
            and isinstance(got, dict)
            and list(got) == [f["name"] for f in kind["fields"]]
            and all(same(case, want.get(f["key"]), got[f["name"]], f["type"], path + (f["name"],), scalar) for f in kind["fields"])
        )
    if name == "LIST":
        return isinstance(want, list) and len(want) == len(got) and all(same(case, w, g, kind["elem"], path + ("[]",), scalar) for w, g in zip(want, got))
    if name == "MAP":
        got = dict(got)
        return isinstance(want, dict) and list(want) == list(got) and all(same(case, want[k], got[k], kind["elem"], path + ("{}",), scalar) for k in want)
    return scalar(case, want, got, name, path)


def same_arrow(case, want, got, kind, path):
    return same(case, want, got, kind, path, arrow_scalar)


def arrow_scalar(case, want, got, name, path):
    text = str(want) if not isinstance(want, bool) else ("true" if want else "false")
    if name == "BIGINT":
        return type(got) is int and same_number(case, text, str(got), name, path)
    if name == "DECIMAL":
        return isinstance(got, Decimal) and same_number(case, text, format(got, "f"), name, path)
    if name == "DOUBLE":
        return type(got) is float and same_number(case, text, repr(got), name, path)
    if name == "BOOLEAN":
        return isinstance(want, bool) and got is want
    if name == "DATE":
        return type(got) is date and (got == date.fromisoformat(want[:10]))
    if name == "TIMESTAMP":
        return isinstance(got, datetime) and got.tzinfo is None and moment(want) == (got, None)
    if name == "TIMESTAMPTZ":
        at, minutes = moment(want)
        return isinstance(got, datetime) and minutes is not None and at.replace(tzinfo=UTC) == got
    if name == "JSON":
        return parse(got) == want
    return isinstance(got, str) and got == (text if isinstance(want, (str, bool)) else compact(want))


def same_json(case, want, got, kind, path):
    return same(case, want, got, kind, path, json_scalar)


def json_scalar(case, want, got, name, path):
    """JSON of the API: integers beyond 2^53 and decimals are text, times are RFC 3339 in UTC,
    JSON is itself, and text inside of other values."""
    if name in ("BIGINT", "DECIMAL", "DOUBLE"):
        small = name == "DOUBLE" or ("." not in got and abs(int(got)) < 2**53)
        return isinstance(got, Number) == small and isinstance(got, str) and same_number(case, want, got, name, path)
    if name == "JSON":
        if len(path) > 1:  # inside of other values it is its text
            got = parse(got)
        return type(got) is type(want) and got == want
    if name == "BOOLEAN":
        return got is want
    return type(got) is str and text_scalar(case, want, got, name, path)


def same_csv(case, want, got, kind, path):
    if got == "" and want is None and len(case.schema) == 1:
        return True  # a file of one column has no other way to say null
    if want is None or got is None:
        return want is None and got is None
    if kind["kind"] in ("STRUCT", "LIST", "MAP", "JSON"):
        return same_json(case, want, parse(got), kind, path)
    return text_scalar(case, want, got, kind["kind"], path)


def text_scalar(case, want, got, name, path):
    if name in ("BIGINT", "DECIMAL", "DOUBLE"):
        return same_number(case, want, got, name, path)
    if name == "BOOLEAN":
        return got == compact(want)
    if name == "DATE":
        return re.fullmatch(r"\d{4}-\d\d-\d\d", got) and got == want[:10]
    if name in ("TIMESTAMP", "TIMESTAMPTZ"):
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?" + ("Z" if name == "TIMESTAMPTZ" else ""), got):
            return False
        w, g = moment(want), moment(got)
        return w[0] == g[0] and (w[1] is None) == (g[1] is None)
    return got == (want if type(want) is str else compact(want))


def arrow_rows(case, table):
    names = [c["name"] for c in case.schema]
    if table.column_names != names:
        case.problem(f"columns are {table.column_names[:5]}..., want {names[:5]}...")
        return []
    return list(map(list, zip(*(c.to_pylist() for c in table.columns)))) if names else []


def by_name(case, objects):
    names = [c["name"] for c in case.schema]
    return [[o[n] for n in names] if list(o) == names or set(o) == set(names) else [] for o in objects]


def rows_api(case, pages):
    names = [c["name"] for c in case.schema]
    for p in pages:
        if [c["name"] for c in p["columns"]] != names or int(p["total_rows"]) != len(case.sent):
            case.problem("rows: columns or total_rows are wrong")
    return [r for p in pages for r in p["rows"]]


def check(folder, counts):
    case = Case(folder)
    case.count()
    path = lambda name: os.path.join(folder, name)
    text = lambda name: open(path(name), encoding="utf-8", newline="").read()

    def read(reader, name, rows, same):
        if os.path.exists(path(name)):
            counts[reader] += case.compare(reader, rows(), same)

    read("Parquet, as stored", "data.parquet", lambda: arrow_rows(case, pyarrow.parquet.ParquetFile(path("data.parquet")).read()), same_arrow)
    read("Parquet, downloaded", "export.parquet", lambda: arrow_rows(case, pyarrow.parquet.ParquetFile(path("export.parquet")).read()), same_arrow)
    read("Arrow, downloaded", "export.arrow", lambda: arrow_rows(case, pyarrow.ipc.open_stream(path("export.arrow")).read_all()), same_arrow)
    read("NDJSON, downloaded", "export.ndjson", lambda: by_name(case, map(parse, text("export.ndjson").split("\n")[:-1])), same_json)

    def csv():
        head, *rest = csv_rows(text("export.csv"))
        if head != [c["name"] for c in case.schema]:
            case.problem(f"CSV: the header is {head[:5]}...")
        return rest

    read("CSV, downloaded", "export.csv", csv, same_csv)
    read("rows of the API", "rows-0.json", lambda: rows_api(case, [case.read(f"rows-{i}.json") for i in range(len(glob.glob(glob.escape(folder) + "/rows-*")))]), same_json)
    runs = [case.read(f"run-{i}.json") for i in range(len(glob.glob(glob.escape(folder) + "/run-*")))]

    def beside(parts):
        return by_name(case, [{k: v for part in row for k, v in part.items()} for row in zip(*parts)])

    read("SQL, rows", "run-0.json", lambda: beside([[dict(zip((c["name"] for c in r["columns"]), row)) for row in r["rows"]] for r in runs]), same_json)
    read("SQL, data", "run-0.json", lambda: beside([r["data"] for r in runs]), same_json)
    # A test gives the first records, without those that are too long to look at.
    got, rest = case.test, iter(case.sent)
    if got["success"] is not True or not all(r in rest for r in got["data"]) or len(got["data"]) == 0 < len(case.sent):
        case.problem(f"test-connection: {compact(got['data'])[:200]}")
    counts["test-connection"] += sum(map(len, got["data"]))
    return case


def main(root):
    counts, converted, problems, sent = collections.Counter(), collections.Counter(), [], 0
    folders = sorted(glob.glob(glob.escape(root) + "/*/"))
    for folder in folders:
        try:
            case = check(folder.rstrip("/"), counts)
        except Exception as e:
            problems.append(f"{folder}: {e!r}")
            continue
        sent += len(case.sent)
        converted += case.converted
        problems += case.problems
    print(f"{len(folders)} datasets, {sent} records")
    for reader, n in counts.items():
        print(f"{n:8} values compared: {reader}")
    for what, n in sorted(converted.items()):
        print(f"{n:8} documented and reported: {CONVERSIONS[what]}")
    print(f"{len(problems)} differences")
    for p in problems[:40]:
        print(p.encode("unicode_escape").decode())
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
