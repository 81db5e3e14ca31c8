package compact

import "millwright/internal/dataset"

// What is due. A file of a few MB costs more to open than to read; a merged dataset
// reads everything twice, so that it is worth more to keep it small.
const (
	small      = 8 << 20   // bytes of a file that is better part of another
	manySmall  = 16        // more small files than that are compacted
	manyMerges = 8         // more files of a merged dataset than that are
	largest    = 256 << 20 // bytes after which a file of small ones is long enough
)

// Plan returns which files of a version, given in their order, are to become one
// each: none if there are few enough. A run has at least two files, which lie side
// by side, so that the order of rows stays, and which of two is newer.
func Plan(files []dataset.File, merged bool) [][]dataset.File {
	count := 0
	for _, f := range files {
		if f.Bytes < small {
			count++
		}
	}
	switch {
	case merged && len(files) > manyMerges:
		return [][]dataset.File{newest(files)}
	case count > manySmall:
		return runs(files)
	}
	return nil
}

// newest returns the files at the end that are worth to be merged: each is at most
// twice as large as all after it, so that an old large file is written again only
// when as much has come on top.
func newest(files []dataset.File) []dataset.File {
	from, after := len(files)-1, files[len(files)-1].Bytes
	for from > 0 && (from > len(files)-manyMerges || files[from-1].Bytes < small || files[from-1].Bytes <= 2*after) {
		from--
		after += files[from].Bytes
	}
	return files[from:]
}

// runs returns the small files that lie side by side.
func runs(files []dataset.File) [][]dataset.File {
	var all [][]dataset.File
	var run []dataset.File
	var size int64
	end := func() {
		if len(run) > 1 {
			all = append(all, run)
		}
		run, size = nil, 0
	}
	for _, f := range files {
		if f.Bytes >= small {
			end()
			continue
		}
		if size+f.Bytes > largest {
			end()
		}
		run, size = append(run, f), size+f.Bytes
	}
	end()
	return all
}
