package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const barWidth = 24

// bar draws a job's progress on a terminal: a bar when it is known how much there
// is, a block that moves to and fro when it is not.
type bar struct {
	all *mpb.Progress
	bar *mpb.Bar

	mu      sync.Mutex // guards the fields below, which mpb reads when it draws
	text    string
	percent float64
	ended   bool
}

func newBar(w io.Writer, title string) *bar {
	b := &bar{text: "starting"}
	started := time.Now()
	b.all = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh(), mpb.WithRefreshRate(100*time.Millisecond))
	draw := mpb.BarFillerFunc(func(w io.Writer, _ decor.Statistics) error {
		b.mu.Lock()
		defer b.mu.Unlock()
		_, err := io.WriteString(w, "["+b.cells(time.Since(started))+"]")
		return err
	})
	b.bar = b.all.MustAdd(1, draw,
		mpb.PrependDecorators(decor.Name(fmt.Sprintf("    %-9s", title))),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			b.mu.Lock()
			defer b.mu.Unlock()
			return b.text
		})))
	return b
}

// cells draws the inside of the bar.
func (b *bar) cells(elapsed time.Duration) string {
	const block = 4
	if b.percent > 0 || b.ended {
		full := min(int(b.percent*barWidth/100), barWidth)
		return strings.Repeat("=", full) + strings.Repeat(" ", barWidth-full)
	}
	at := int(elapsed/(100*time.Millisecond)) % (2 * (barWidth - block))
	if at > barWidth-block {
		at = 2*(barWidth-block) - at
	}
	return strings.Repeat(" ", at) + strings.Repeat("=", block) + strings.Repeat(" ", barWidth-block-at)
}

func (b *bar) update(j jobState, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text, b.percent, b.ended = text, j.Progress, j.ended()
	if j.Status == "completed" {
		b.percent = 100 // whatever the last report of its progress was
	}
}

// close draws the bar a last time and leaves it standing.
func (b *bar) close() {
	b.bar.Abort(false)
	b.all.Wait()
}
