package bench_test

import (
	"fmt"
	"math/rand/v2"
)

// perPage is how many orders a page holds: about 440 KB of them.
const perPage = 500

// orders returns one page of orders, with an envelope that says how many there
// are. The same number gives the same page, in every process.
func orders(page, pages int) []byte {
	r := rand.New(rand.NewPCG(uint64(page), 7))
	b := fmt.Appendf(make([]byte, 0, 480<<10), `{"page":%d,"per_page":%d,"total":%d,"data":[`, page, perPage, pages*perPage)
	for i := range perPage {
		if i > 0 {
			b = append(b, ',')
		}
		b = order(b, r, (page-1)*perPage+i+1)
	}
	return append(b, ']', '}')
}

// order appends an order as shops write them: about 880 bytes, three levels deep,
// with words, codes, times, amounts and now and then a null.
func order(b []byte, r *rand.Rand, id int) []byte {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	first, last := pick("Anna", "José", "Mia", "Liam", "Zoë", "Noah", "Emma", "Lukas"), pick("Kowalski", "Müller", "Smith", "García", "Rossi", "Novák", "Silva")
	b = fmt.Appendf(b, `{"id":%d,"number":"ORD-2024-%07d","uuid":"%08x-%04x-4%03x-a%03x-%012x","status":"%s","created_at":"2024-%02d-%02dT%02d:%02d:%02d.%03dZ","paid":%t,"currency":"%s","total":%d.%02d,"tax":%d.%02d,`,
		id, id, r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Uint64()>>16, pick("new", "paid", "packed", "shipped", "delivered", "returned"),
		1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), r.IntN(3) > 0, pick("EUR", "USD", "CHF", "GBP"), r.IntN(900), r.IntN(100), r.IntN(90), r.IntN(100))
	b = fmt.Appendf(b, `"customer":{"id":%d,"name":"%s %s","email":"%s.%d@example.com","vip":%t,"address":{"street":"%d %s","city":"%s","zip":"%05d","country":"%s","location":{"lat":%d.%06d,"lon":%d.%06d}}},"items":[`,
		r.IntN(1e6), first, last, last, r.IntN(1e5), r.IntN(9) == 0, 1+r.IntN(200), pick("Main Street", "Bahnhofstraße", "Via Roma", "Rue de la Paix", "High Street"),
		pick("Zürich", "Berlin", "Paris", "London", "Springfield", "Kraków"), r.IntN(1e5), pick("CH", "DE", "FR", "GB", "US", "PL"), r.IntN(60), r.IntN(1e6), r.IntN(30), r.IntN(1e6))
	for i := range 1 + r.IntN(3) {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"sku":"SKU-%05d","title":"%s %s, %s","quantity":%d,"unit_price":%d.%02d,"discount":%s}`, r.IntN(1e5), pick("Wireless", "Leather", "Steel", "Organic"),
			pick("mouse", "notebook", "bottle", "cotton shirt", "desk lamp"), pick("black", "white", "red", "size M"), 1+r.IntN(5), r.IntN(200), r.IntN(100), pick("null", "0.1", "0.25", "null"))
	}
	b = fmt.Appendf(b, `],"tags":["%s","%s"],"note":%s,"shipping":{"carrier":"%s","tracking":"%016X","delivered_on":"2024-%02d-%02d","cost":%d.%02d}}`, pick("web", "app", "store"), pick("first", "repeat", "gift"),
		pick("null", `"Please leave the parcel with the neighbours \"Meier\", ground floor"`, `""`, `"Rush order; call before delivery"`), pick("DHL", "UPS", "Swiss Post"), r.Uint64(), 1+r.IntN(12), 1+r.IntN(28), r.IntN(20), r.IntN(100))
	return b
}
