package demo

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A Customer is who orders.
type Customer struct {
	ID      int    `json:"id"`
	Name    string `json:"name"`
	Email   string `json:"email"`
	Tier    string `json:"tier"`
	Country string `json:"country"`
	Since   string `json:"since"` // YYYY-MM-DD
}

// An Item is one line of an order.
type Item struct {
	SKU      string  `json:"sku"`
	Product  string  `json:"product"`
	Category string  `json:"category"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

// An Order is one record of the sample API.
type Order struct {
	ID        int      `json:"id"`
	OrderNo   string   `json:"order_no"`
	CreatedAt string   `json:"created_at"` // RFC 3339, UTC
	ShippedAt *string  `json:"shipped_at"` // null until shipped
	Status    string   `json:"status"`
	Channel   string   `json:"channel"`
	Customer  Customer `json:"customer"`
	Items     []Item   `json:"items"`
	Quantity  int      `json:"quantity"`
	Amount    float64  `json:"amount"`
	Discount  float64  `json:"discount"`
	IsGift    bool     `json:"is_gift"`
	Rating    *int     `json:"rating"` // 1..5, null when the customer gave none
	Tags      []string `json:"tags"`
}

type product struct {
	sku, name, category string
	cents               int
}

var (
	firstNames = []string{"Ada", "Bao", "Chika", "Dara", "Emil", "Fatima", "Goran", "Hana", "Ivo", "Jun", "Kofi", "Lena", "Mira", "Nils", "Omar", "Priya"}
	lastNames  = []string{"Abara", "Berg", "Costa", "Dimov", "Ekström", "Fischer", "García", "Haddad", "Ito", "Jensen", "Kaur", "López", "Moreau", "Novák", "Okafor", "Petrov"}
	countries  = []string{"Germany", "France", "Spain", "Poland", "Netherlands", "Sweden", "Japan", "Nigeria", "Brazil", "Canada"}
	tiers      = []string{"basic", "basic", "basic", "plus", "plus", "premium"}
	channels   = []string{"web", "web", "web", "app", "app", "store", "partner"}
	tags       = []string{"new-customer", "express", "fragile", "eco", "bulk", "promo"}
	products   = []product{
		{"LMP-10", "Desk lamp", "Lighting", 3490}, {"LMP-20", "Floor lamp", "Lighting", 8900},
		{"CHR-01", "Oak chair", "Seating", 12900}, {"CHR-02", "Office chair", "Seating", 21900}, {"SOF-01", "Two-seat sofa", "Seating", 64900},
		{"TBL-01", "Side table", "Tables", 7900}, {"TBL-02", "Dining table", "Tables", 44900}, {"TBL-03", "Standing desk", "Tables", 38900},
		{"SHF-01", "Wall shelf", "Storage", 4590}, {"SHF-02", "Bookcase", "Storage", 15900}, {"BOX-01", "Storage box", "Storage", 1290},
		{"RUG-01", "Wool rug", "Textiles", 17900}, {"CUS-01", "Cushion", "Textiles", 1990}, {"THR-01", "Throw", "Textiles", 3990},
	}
)

// firstDay is when the sample shop opened; fixed, so that the data never changes.
var firstDay = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// shopDays is how long the sample shop has been open.
const shopDays = 730

// customerCount keeps about twelve orders a customer at the default size.
const customerCount = 4000

func source(kind, n int) *rand.Rand { return rand.New(rand.NewPCG(uint64(kind), uint64(n))) }

// CustomerAt returns customer n, counted from 1. Equal n give equal customers.
func CustomerAt(n int) Customer {
	r := source(1, n)
	first, last := firstNames[r.IntN(len(firstNames))], lastNames[r.IntN(len(lastNames))]
	// The square makes the first countries common and the last ones rare.
	u := r.Float64()
	return Customer{
		ID:      1000 + n,
		Name:    first + " " + last,
		Email:   fmt.Sprintf("customer%d@example.com", n),
		Tier:    tiers[r.IntN(len(tiers))],
		Country: countries[int(u*u*float64(len(countries)))],
		Since:   firstDay.AddDate(0, 0, r.IntN(shopDays)-365).Format(time.DateOnly),
	}
}

// OrderAt returns order n of total, counted from 1 and ordered by time.
// Equal arguments give equal orders.
func OrderAt(n, total int) Order {
	r := source(2, n)
	// Growing demand: the square root spaces later orders closer together.
	at := firstDay.Add(time.Duration(math.Sqrt(float64(n)/float64(total)) * shopDays * 24 * float64(time.Hour))).Truncate(time.Second)
	customer := CustomerAt(1 + int(math.Pow(r.Float64(), 1.7)*customerCount))
	o := Order{
		ID:        n,
		OrderNo:   fmt.Sprintf("ORD-%06d", n),
		CreatedAt: at.Format(time.RFC3339),
		Status:    "delivered",
		Channel:   channels[r.IntN(len(channels))],
		Customer:  customer,
		IsGift:    r.Float64() < 0.12,
		Tags:      []string{},
	}
	cents := 0
	for range 1 + r.IntN(4) {
		p := products[int(math.Pow(r.Float64(), 1.4)*float64(len(products)))]
		item := Item{SKU: p.sku, Product: p.name, Category: p.category, Quantity: 1 + r.IntN(3), Price: float64(p.cents) / 100}
		o.Items = append(o.Items, item)
		o.Quantity += item.Quantity
		cents += item.Quantity * p.cents
	}
	percent := map[string]int{"basic": 0, "plus": 5, "premium": 10}[customer.Tier]
	o.Discount = float64(cents*percent/100) / 100
	o.Amount = float64(cents-cents*percent/100) / 100
	for _, tag := range tags {
		if r.Float64() < 0.18 {
			o.Tags = append(o.Tags, tag)
		}
	}
	fate(&o, at, r, firstDay.AddDate(0, 0, shopDays))
	return o
}

// fate decides what became of an order by the time now.
func fate(o *Order, at time.Time, r *rand.Rand, now time.Time) {
	shipped := at.Add(time.Duration(6+r.IntN(90)) * time.Hour)
	switch u := r.Float64(); {
	case u < 0.05:
		o.Status = "cancelled"
		return
	case shipped.After(now):
		o.Status = "pending"
		return
	case u < 0.09:
		o.Status = "returned"
	case now.Sub(shipped) < 72*time.Hour:
		o.Status = "shipped"
	}
	s := shipped.Format(time.RFC3339)
	o.ShippedAt = &s
	if r.Float64() < 0.6 {
		// Slow delivery costs stars.
		stars := 5 - int(shipped.Sub(at).Hours()/40) - r.IntN(2)
		stars = max(1, stars)
		o.Rating = &stars
	}
}
