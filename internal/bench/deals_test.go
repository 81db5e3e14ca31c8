package bench_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Deals are what is landed: nested records of about 620 bytes. They differ in
// their ids, and repeat themselves otherwise only after so many.
const differentDeals = 200_000

const (
	idAt    = len(`{"id":`)
	firstID = 1_000_000_000 // all ids have as many digits, so that they can be written over
)

// deals holds the records that repeat.
type deals [][]byte

func makeDeals(n int) deals {
	r := rand.New(rand.NewPCG(1, 7))
	all := make(deals, n)
	for i := range all {
		all[i] = deal(r)
	}
	return all
}

// add appends record i, counted from 0.
func (d deals) add(b []byte, i int) []byte {
	start := len(b)
	b = append(b, d[i%len(d)]...)
	strconv.AppendInt(b[start+idAt:start+idAt], int64(firstID+i), 10)
	return b
}

func deal(r *rand.Rand) []byte {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	first, last := pick("Anna", "José", "Mia", "Liam", "Zoë", "Noah", "Emma", "Lukas"), pick("Kowalski", "Müller", "Smith", "García", "Rossi", "Novák", "Silva")
	b := fmt.Appendf(nil, `{"id":%d,"uuid":"%08x-%04x-4%03x-a%03x-%012x","status":"%s","created_at":"2024-%02d-%02dT%02d:%02d:%02d.%03dZ","paid":%t,"currency":"%s","total":%d.%02d,"tax":%d.%02d,`,
		firstID, r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Uint64()>>16, pick("new", "paid", "packed", "shipped", "delivered", "returned"),
		1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), r.IntN(3) > 0, pick("EUR", "USD", "CHF", "GBP"), r.IntN(900), r.IntN(100), r.IntN(90), r.IntN(100))
	b = fmt.Appendf(b, `"customer":{"id":%d,"name":"%s %s","email":"%s.%d@example.com","vip":%t,"address":{"street":"%d %s","city":"%s","zip":"%05d","country":"%s"}},"items":[`,
		r.IntN(1e6), first, last, last, r.IntN(1e5), r.IntN(9) == 0, 1+r.IntN(200), pick("Main Street", "Bahnhofstraße", "Via Roma", "Rue de la Paix", "High Street"),
		pick("Zürich", "Berlin", "Paris", "London", "Springfield", "Kraków"), r.IntN(1e5), pick("CH", "DE", "FR", "GB", "US", "PL"))
	for i := range 1 + r.IntN(2) {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"sku":"SKU-%05d","title":"%s %s","quantity":%d,"unit_price":%d.%02d}`, r.IntN(1e5), pick("Wireless", "Leather", "Steel", "Organic"),
			pick("mouse", "notebook", "bottle", "cotton shirt", "desk lamp"), 1+r.IntN(5), r.IntN(200), r.IntN(100))
	}
	return fmt.Appendf(b, `],"tags":["%s","%s"],"note":%s}`, pick("web", "app", "store"), pick("first", "repeat", "gift"),
		pick("null", `"Please leave the parcel with the neighbours"`, `""`, `"Rush order; call before delivery"`))
}

// A shelf has pages ready, so that making them takes no processor from what is
// measured: those that were asked for, of one size and number of records.
type shelf struct {
	deals deals

	mu    sync.Mutex
	of    string
	pages map[int][]byte
}

func (s *shelf) page(page, perPage, records int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of := fmt.Sprint(perPage, records); s.of != of {
		s.of, s.pages = of, map[int][]byte{}
	}
	b := s.pages[page]
	if b == nil {
		b = fmt.Appendf(make([]byte, 0, perPage*700), `{"page":%d,"per_page":%d,"total":%d,"data":[`, page, perPage, records)
		b = s.deals.span(b, (page-1)*perPage, min(page*perPage, records), ",")
		b = append(b, "]}"...)
		s.pages[page] = b
	}
	return b
}

// serveDeals answers /deals/LATENCY/RECORDS/PERPAGE/FORM, where the form is pages,
// document or ndjson.
func serveDeals(d deals) http.HandlerFunc {
	pages := &shelf{deals: d}
	return func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.URL.Path, "/")
		latency, err := time.ParseDuration(parts[2])
		records, rerr := strconv.Atoi(parts[3])
		perPage, perr := strconv.Atoi(parts[4])
		if err != nil || rerr != nil || perr != nil {
			http.NotFound(w, r)
			return
		}
		time.Sleep(latency) // what is measured: a source that takes its time
		w.Header().Set("Content-Type", "application/json")
		switch parts[5] {
		case "pages":
			page, err := strconv.Atoi(r.URL.Query().Get("page"))
			if err != nil || page < 1 || (page-1)*perPage >= records {
				http.NotFound(w, r)
				return
			}
			b := pages.page(page, perPage, records)
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b)
		case "document":
			_, _ = io.WriteString(w, `{"data":[`)
			_ = d.stream(w, records, ",")
			_, _ = io.WriteString(w, `]}`)
		case "ndjson":
			w.Header().Set("Content-Type", "application/x-ndjson")
			_ = d.stream(w, records, "\n")
		}
	}
}

func (d deals) span(b []byte, from, to int, between string) []byte {
	for i := from; i < to; i++ {
		if i > from {
			b = append(b, between...)
		}
		b = d.add(b, i)
	}
	return b
}

// stream writes so many records.
func (d deals) stream(w io.Writer, records int, between string) error {
	var b []byte
	for from := 0; from < records; from += 1000 {
		b = b[:0]
		if from > 0 {
			b = append(b, between...)
		}
		b = d.span(b, from, min(from+1000, records), between)
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
