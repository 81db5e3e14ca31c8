package evil

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"sync"
	"sync/atomic"
)

// A Tally is the digest of a multiset of records: two multisets with the same
// Tally hold the same records equally often, whatever their order.
type Tally struct {
	N   int64  `json:"n"`
	Sum uint64 `json:"sum"`
}

// Add counts one record by its bytes.
func (t *Tally) Add(record []byte) {
	t.N++
	t.Sum += digest(record)
}

func digest(record []byte) uint64 {
	h := uint64(crc32.Checksum(record, castagnoli()))<<32 | uint64(crc32.ChecksumIEEE(record))
	// Spread, so that the sum of digests is as good as each of them.
	h ^= uint64(len(record)) * 0x9e3779b97f4a7c15
	h *= 0xff51afd7ed558ccd
	return h ^ h>>33
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// A Ledger notes every record that a source sends. A record that is sent again
// after a failure is still one record.
type Ledger struct {
	mu    sync.Mutex // guards the fields below
	tally Tally
	seen  map[uint64]bool
}

// Tally is what has to arrive.
func (l *Ledger) Tally() Tally {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tally
}

// Sent reports whether the source ever sent that record.
func (l *Ledger) Sent(record []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[digest(record)]
}

// note adds records that were not sent before.
func (l *Ledger) note(records ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range records {
		d := digest([]byte(r))
		if l.seen == nil {
			l.seen = map[uint64]bool{}
		}
		if !l.seen[d] {
			l.seen[d] = true
			l.tally.Add([]byte(r))
		}
	}
}

// again notes a record that the source means to be there once more.
func (l *Ledger) again(record string) {
	l.note(record)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.Add([]byte(record))
}

// stream notes records too many to be remembered one by one.
func (l *Ledger) stream(t Tally) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tally.N += t.N
	l.tally.Sum += t.Sum
}

// A Source is one behaviour at work.
type Source struct {
	Ledger
	Self string // its address: "http://127.0.0.1:4711"

	asked atomic.Int64
	stop  chan struct{} // closed when the source goes away
}

// Asked is how many requests, or connections of a raw behaviour, came so far.
func (s *Source) Asked() int64 { return s.asked.Load() }

// record is the text of record number i.
func record(i int) string { return fmt.Sprintf(`{"id":%d,"name":"n%d"}`, i, i) }

// rows writes records from..to-1 as an array and notes them.
func (s *Source) rows(from, to int) string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, record(i))
	}
	return s.list(list...)
}

// list writes records as an array and notes them.
func (s *Source) list(records ...string) string {
	s.note(records...)
	return "[" + strings.Join(records, ",") + "]"
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic("evil: text cannot be quoted: " + err.Error()) // unreachable: text is text
	}
	return string(b)
}
