package duckdb

import (
	"time"

	"millwright/internal/engine"
)

// A breadth says how many values the rows have that a query reads. DuckDB maps vectors
// of 2,048 values for each of them, several times over and for each thread, and touches
// as much as there are rows. So what a query of many columns may map says nothing: it
// may map wideSpace, and is watched for what it touches.
type breadth string

const (
	narrow breadth = ""
	broad  breadth = "broad" // mapping is no measure any more; 200 values map half a gigabyte and touch 20 MB
	wide   breadth = "wide"  // and one thread is enough: planning takes longer than reading
)

const (
	broadTable = 100  // values in a row
	wideTable  = 1000 // values in a row that make any record long

	wideSpace  = 18 << 30              // bytes
	watchEvery = 10 * time.Millisecond // in which a worker can touch some ten megabytes more
)

// breadthOf says how broad the tables of a query are, together.
func breadthOf(tables []engine.Table) breadth {
	n := 0
	for _, t := range tables {
		n += width(t.Schema.Columns)
	}
	switch {
	case n > wideTable:
		return wide
	case n > broadTable:
		return broad
	}
	return narrow
}

// watchResident kills the worker when it holds more than most bytes of memory; the
// function that it returns ends that.
func (e *Engine) watchResident(p *process, most int64) (end func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				if _, resident := p.memory(); resident > most {
					p.kill()
				}
			}
		}
	}()
	return func() { close(stop); <-done }
}
