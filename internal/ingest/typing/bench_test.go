package typing_test

import (
	"fmt"
	"testing"

	"millwright/internal/ingest/typing"
)

// sample returns records like those of an ordinary API: about 640 bytes each, with
// a nested object, a list of objects, times, floats and text.
func sample(n int) (records [][]byte, bytes int64) {
	for i := range n {
		r := fmt.Appendf(nil, `{"id":%d,"uuid":"3f2504e0-4f89-41d3-9a0c-%012x","created_at":"2024-%02d-%02dT%02d:%02d:%02d.%03dZ","active":%t,`+
			`"score":%d.%02d,"ratio":0.%016d,"name":"Customer number %d of the sample","email":"customer.%d@example.com",`+
			`"customer":{"id":%d,"tier":"gold","address":{"street":"%d Main Street","city":"Springfield","lat":%d.%05d,"lon":-%d.%05d}},`+
			`"tags":["red","green","tag-%d"],"items":[{"sku":"SKU-%d","qty":%d,"price":%d.99},{"sku":"SKU-%d","qty":2,"price":5.25}],`+
			`"note":"Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod \"tempor\" %d","parent":null,"day":"2024-03-%02d"}`,
			i, i, i%12+1, i%28+1, i%24, i%60, i%59, i%1000, i%3 == 0, i%100, i%100, i*7919%10000000000000000, i, i, i*31, i%900,
			i%90, i%100000, i%180, i%99999, i%50, i, i%9, i%400, i+1, i, i%28+1)
		records = append(records, r)
		bytes += int64(len(r))
	}
	return records, bytes
}

func BenchmarkObserve(b *testing.B) {
	records, bytes := sample(2000)
	b.SetBytes(bytes)
	b.ReportAllocs()
	for b.Loop() {
		o := typing.NewObserver(typing.Limits{})
		for _, r := range records {
			if err := o.Observe(r); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkNormalize(b *testing.B) {
	records, bytes := sample(2000)
	o := typing.NewObserver(typing.Limits{})
	for _, r := range records {
		if err := o.Observe(r); err != nil {
			b.Fatal(err)
		}
	}
	n := typing.NewNormalizer(o.Schema(nil).Schema)
	b.SetBytes(bytes)
	b.ReportAllocs()
	var dst []byte
	var err error
	for b.Loop() {
		for _, r := range records {
			if dst, err = n.Append(dst[:0], r); err != nil {
				b.Fatal(err)
			}
		}
	}
}
