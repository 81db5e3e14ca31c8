package ingest

import (
	"cmp"
	"slices"

	"millwright/internal/dataset"
)

// A group is files of a version that were made from the same raw pages. They are
// made again together, since nobody knows which record is in which of them.
type group struct {
	files []dataset.File
	raws  []dataset.ID
}

// groupsOf returns the groups of the files, in the files' order.
func groupsOf(files []dataset.File) []group {
	var all []group
	for _, f := range files {
		g := group{files: []dataset.File{f}, raws: slices.Clone(f.Raws)}
		// Compacting may have joined rows of several runs in one file.
		var others []group
		for _, o := range all {
			if o.shares(f.Raws) {
				g = o.with(g)
			} else {
				others = append(others, o)
			}
		}
		all = append(others, g)
	}
	return all
}

func (g group) shares(raws []dataset.ID) bool {
	return slices.ContainsFunc(raws, func(id dataset.ID) bool { return slices.Contains(g.raws, id) })
}

// with returns the group with the files of another behind its own.
func (g group) with(o group) group {
	both := group{files: slices.Concat(g.files, o.files), raws: slices.Clone(g.raws)}
	for _, id := range o.raws {
		if !slices.Contains(both.raws, id) {
			both.raws = append(both.raws, id)
		}
	}
	slices.SortStableFunc(both.files, func(a, b dataset.File) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return both
}

func (g group) rows() (n int64) {
	for _, f := range g.files {
		n += f.Rows
	}
	return n
}

// last is the newest file, in whose place the one comes that is made of all.
func (g group) last() dataset.File { return g.files[len(g.files)-1] }
