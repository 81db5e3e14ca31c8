package decode

import (
	"archive/zip"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"millwright/internal/errs"
)

// maxMembers is how many members an archive may list.
const maxMembers = 10_000

// unzip gives the member of an archive that holds the data. An archive lists its
// members at its end, so it goes through a file; names in it lead nowhere.
func (b *Body) unzip(r io.Reader, in *meter, l Limits) (io.Reader, error) {
	spool, err := NewSpool(l.TempDir, r)
	if err != nil {
		return nil, b.explain(err)
	}
	b.closes = append(b.closes, spool.Remove)
	info, err := spool.File.Stat()
	if err != nil {
		return nil, errs.New(errs.Internal, "a temporary file cannot be read").Because(err)
	}
	archive, err := zip.NewReader(spool.File, info.Size())
	if err != nil {
		return nil, errs.New(errs.Upstream, "the ZIP archive cannot be read: its list of members is missing or damaged").Named("zip-invalid").
			Fix("try again; if it stays so, the source or a proxy before it cuts its answers").Because(err)
	}
	member, why, err := pickMember(archive.File)
	if err != nil {
		return nil, err
	}
	if member.Flags&1 != 0 {
		return nil, errs.New(errs.Upstream, "the member %q of the ZIP archive is encrypted", clip(member.Name)).Named("zip-encrypted").
			Fix("ask the source for an archive without a password")
	}
	out, err := member.Open()
	if err != nil {
		return nil, errs.New(errs.Upstream, "the member %q of the ZIP archive cannot be unpacked", clip(member.Name)).Named("zip-invalid").
			Fix("ask the source for deflate, the usual compression of archives").Because(err)
	}
	b.closes = append(b.closes, func() { out.Close() })
	b.Content.Encodings = append(b.Content.Encodings, "zip")
	b.Content.Evidence = why
	return &meter{r: out, check: bounded(in, l)}, nil
}

// pickMember takes the only member, the only one with the ending of data, or one
// of these that is ten times as long as each other.
func pickMember(all []*zip.File) (*zip.File, string, error) {
	if len(all) > maxMembers {
		return nil, "", tooLarge("zip-members", "", "the ZIP archive has more than %d members", maxMembers).
			Fix("ask the source for one table at a time")
	}
	var files, data []*zip.File
	for _, f := range all {
		base := path.Base(f.Name)
		if strings.EqualFold(f.Name, "[Content_Types].xml") || f.Name == "META-INF/manifest.xml" {
			return nil, "", errs.New(errs.Upstream, "the answer is an office document in a ZIP archive, such as an Excel workbook").Named("not-json").
				Fix("ask the source for CSV or JSON")
		}
		if strings.HasSuffix(f.Name, "/") || strings.HasPrefix(base, ".") || strings.HasPrefix(f.Name, "__MACOSX/") {
			continue
		}
		files = append(files, f)
		switch strings.ToLower(path.Ext(base)) {
		case ".csv", ".tsv", ".tab", ".json", ".ndjson", ".jsonl", ".geojson", ".xml":
			data = append(data, f)
		}
	}
	if len(data) == 0 {
		data = files
	}
	if len(data) == 0 {
		return nil, "", errs.New(errs.Upstream, "the ZIP archive has no members").Named("empty-body").Fix("check the parameters of the request")
	}
	slices.SortStableFunc(data, func(a, b *zip.File) int {
		switch {
		case a.UncompressedSize64 > b.UncompressedSize64:
			return -1
		case a.UncompressedSize64 < b.UncompressedSize64:
			return 1
		}
		return 0
	})
	why := fmt.Sprintf("the member %q of a ZIP archive", clip(data[0].Name))
	if len(data) == 1 {
		return data[0], why, nil
	}
	if data[0].UncompressedSize64/10 >= max(data[1].UncompressedSize64, 1) {
		return data[0], fmt.Sprintf("%s, ten times as long as any of its %d others", why, len(data)-1), nil
	}
	var names []string
	for _, f := range data[:min(len(data), 8)] {
		names = append(names, clip(f.Name))
	}
	return nil, "", errs.New(errs.Upstream, "the ZIP archive has %d members that may be the data: %s", len(data), strings.Join(names, ", ")).Named("zip-several-members").
		Fix("ask the source for one table at a time")
}
