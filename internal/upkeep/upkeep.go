// Package upkeep keeps a data folder well: it collects what nothing names any
// more, examines whether everything is as the manifest says, and makes and
// restores backups while the server serves.
//
// Objects are immutable and named by their content, which is what makes this
// simple: a backup is a snapshot of the metadata and, after it, a copy of the
// objects that the snapshot names. Nothing but the [Collector] removes objects,
// and it waits while somebody holds them (see [blob.Dir.Hold]).
package upkeep

import "time"

// Database is the metadata database's file in a data folder.
const Database = "meta.db"

// MinGrace is the shortest grace of a [Collector]. It exceeds every limit after
// which the engine kills a query, a download or a conversion.
const MinGrace = time.Hour

// A Progress tells how far a long step is. total is 0 while it is unknown.
type Progress func(step string, done, total int64)

func (p Progress) tell(step string, done, total int64) {
	if p != nil {
		p(step, done, total)
	}
}
