package duckdb

import (
	"slices"
	"time"

	"millwright/internal/engine"
)

// A query of a table of thousands of columns maps a vector of 2,048 values for each
// of them, several times over, and touches as much as there are rows. So what it may
// map says nothing: it may map wideSpace, and is watched for what it touches.
const (
	wideSpace  = 18 << 30              // bytes
	watchEvery = 10 * time.Millisecond // in which a worker can touch some ten megabytes more
)

// isWide reports whether a query reads a table of so many columns.
func isWide(tables []engine.Table) bool {
	return slices.ContainsFunc(tables, func(t engine.Table) bool { return width(t.Schema.Columns) > wideTable })
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
				if p.resident() > most {
					p.kill()
				}
			}
		}
	}()
	return func() { close(stop); <-done }
}
