"""Makes files of many types, and compares what Millwright made of them, by pyarrow."""
import csv, datetime, decimal, gzip, json, random, sys
import pyarrow as pa, pyarrow.parquet as pq

D = decimal.Decimal
N = 5000


def make(d):
    r = random.Random(42)
    rows = []
    for i in range(N):
        rows.append({
            "id": str(i), "zip": f"{r.randrange(100000):05d}", "big": str(r.randrange(2**63, 2**70)), "price": f"{r.randrange(10**9)}.{r.randrange(100):02d}",
            "day": str(datetime.date(2020, 1, 1) + datetime.timedelta(days=r.randrange(2000))),
            "at": (datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=r.randrange(10**8), microseconds=r.randrange(10**6))).isoformat(),
            "flag": r.choice(["true", "false"]), "note": r.choice(["", "a,b", 'say "hi"', "two\nlines", "naïve café", "007", "null", " padded "]), "hole": "",
        })
    for name, opener in (("sales.csv", open), ("sales.csv.gz", gzip.open)):
        with opener(f"{d}/{name}", "wt", encoding="utf-8", newline="") as f:
            w = csv.DictWriter(f, list(rows[0]))
            w.writeheader()
            w.writerows(rows)
    with open(f"{d}/western.csv", "w", encoding="windows-1252", newline="") as f:
        w = csv.DictWriter(f, list(rows[0]), delimiter=";", lineterminator="\r\n")
        w.writeheader()
        w.writerows(rows)
    with open(f"{d}/sales.ndjson", "w", encoding="utf-8") as f:
        for x in rows:
            f.write(json.dumps(x) + "\n")
    with open(f"{d}/ragged.csv", "w") as f:
        f.write("a,b\n1,2\n3\n4,5\n6,7,8\n")
    utc = datetime.timezone.utc
    some = lambda f: [None if r.randrange(10) == 0 else f() for _ in range(N)]
    t = pa.table({
        "i8": pa.array(some(lambda: r.randrange(-128, 128)), pa.int8()), "u64": pa.array(some(lambda: r.randrange(2**64)), pa.uint64()),
        "i64": pa.array(some(lambda: r.randrange(-2**63, 2**63)), pa.int64()), "f32": pa.array(some(r.random), pa.float32()),
        "f64": pa.array(some(lambda: r.random() * 10 ** r.randrange(-300, 300)), pa.float64()), "whole": pa.array([float(i) for i in range(N)], pa.float64()),
        "dec": pa.array(some(lambda: D(r.randrange(-10**17, 10**17)).scaleb(-4)), pa.decimal128(18, 4)), "text": pa.array(some(lambda: r.choice(["2024-01-01", "12", "", "é", "true", "a\x00b"])), pa.string()),
        "day": pa.array(some(lambda: datetime.date(1900, 1, 1) + datetime.timedelta(days=r.randrange(60000))), pa.date32()),
        "at": pa.array(some(lambda: datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=r.randrange(2**50))), pa.timestamp("us")),
        "tz": pa.array(some(lambda: datetime.datetime(1970, 1, 1, tzinfo=utc) + datetime.timedelta(microseconds=r.randrange(2**50))), pa.timestamp("us", "UTC")),
        "ns": pa.array(some(lambda: r.randrange(2**60) // 1000 * 1000), pa.timestamp("ns")), "flag": pa.array(some(lambda: r.random() < 0.5), pa.bool_()),
        "word": pa.array(some(lambda: r.choice("abc"))).dictionary_encode(), "none": pa.nulls(N, pa.int32()), "noday": pa.nulls(N, pa.date32()),
    })
    pq.write_table(t, f"{d}/types.parquet", row_group_size=700)
    pq.write_table(pa.table({
        "id": pa.array(range(N)), "list": pa.array([[r.randrange(9) for _ in range(i % 4)] for i in range(N)]),
        "s": pa.array([{"a": i, "b": {"c": f"t{i}", "d": [i / 4]}} for i in range(N)]),
        "money": pa.array([[D(i).scaleb(-2)] for i in range(N)], pa.list_(pa.decimal128(12, 2))),
    }), f"{d}/nested.parquet")
    print("made files of", N, "rows")


def plain(v):
    """A value as whoever reads it would compare it."""
    if isinstance(v, dict):
        return {k: plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)):
        return [plain(x) for x in v]
    if isinstance(v, float) and v == int(v) and abs(v) < 2**53:
        return D(int(v))
    if isinstance(v, (int, D)) and not isinstance(v, bool):
        return D(v).normalize() if v else D(0)
    if hasattr(v, "to_pydatetime"):
        return v.to_pydatetime()
    if isinstance(v, float):
        return D(repr(v)).normalize()
    return v


def text(v):
    """A value as a CSV that says the same spells it."""
    if v is None:
        return ""
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, datetime.datetime):
        return v.isoformat()
    return str(v)


def same(name, want, got):
    """Texts of numbers are the same if the numbers are."""
    if want == got:
        return True
    try:
        return name != "zip" and D(want) == D(got)
    except decimal.InvalidOperation:
        return False


def compare(path, landed):
    out = pq.read_table(landed)
    if path.endswith(".parquet"):
        src = pq.read_table(path)
        assert src.column_names == out.column_names, (src.column_names, out.column_names)
        for name in src.column_names:
            col = src[name]
            if pa.types.is_timestamp(col.type) and col.type.unit == "ns":
                col = col.cast(pa.timestamp("us"))
            if pa.types.is_dictionary(col.type):
                col = col.cast(pa.string())
            a, b = [plain(v) for v in col.to_pylist()], [plain(v) for v in out[name].to_pylist()]
            assert a == b, (name, next((i, x, y) for i, (x, y) in enumerate(zip(a, b)) if x != y))
        kinds = {"text": "string", "noday": "date32[day]", "at": "timestamp[us]", "dec": "decimal128(18, 4)", "whole": "double", "none": "int64", "u64": "decimal128(20, 0)"}
        for name, kind in kinds.items():
            if name in out.column_names:
                assert str(out.schema.field(name).type) == kind, (name, out.schema.field(name).type)
    elif path.endswith(".ndjson"):
        src = [json.loads(l) for l in open(path, encoding="utf-8")]
        for a, b in zip(src, out.to_pylist(), strict=True):
            for k in a:
                assert a[k] == text(b[k]) or k in ("at",) , (k, a[k], b[k])
    else:
        opener, kw = (gzip.open if path.endswith(".gz") else open), {"encoding": "windows-1252" if "western" in path else "utf-8", "newline": ""}
        with opener(path, "rt", **kw) as f:
            src = list(csv.DictReader(f, delimiter=";" if "western" in path else ","))
        for i, (a, b) in enumerate(zip(src, out.to_pylist(), strict=True)):
            for k in a:
                assert same(k, a[k], text(b[k])), (i, k, a[k], b[k])
        assert str(out.schema.field("zip").type) == "string" and str(out.schema.field("day").type) == "date32[day]", out.schema
    print(path.split("/")[-1], out.num_rows, "rows are the same,", len(out.column_names), "columns")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
