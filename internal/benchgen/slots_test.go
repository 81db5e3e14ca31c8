package benchgen_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"millwright/internal/profile"
	"millwright/internal/program"
)

// most is how many of a slot's listed values are tried; of longer lists a random
// part, drawn with a seed.
const most = 60

// settings returns the values to try: of each slot, with the others as they are,
// every listed value, the least, the greatest, three random ones, and null where
// that means nothing.
func settings(p program.Program, of *profile.Profile, seed uint64) []map[string]any {
	r := rand.New(rand.NewPCG(seed, 11))
	var all []map[string]any
	for _, s := range p.Slots {
		try := func(v any) { all = append(all, map[string]any{s.Name: v}) }
		values := s.Values
		if len(values) > most {
			values = nil
			for _, i := range r.Perm(len(s.Values))[:most] {
				values = append(values, s.Values[i])
			}
		}
		for _, v := range values {
			try(v)
		}
		lo, hi := -1e6, 1e6
		if s.Min != nil {
			lo = *s.Min
			try(lo)
		}
		if s.Max != nil {
			hi = *s.Max
			try(hi)
		}
		for range 3 {
			switch s.Type {
			case program.Integer:
				try(int64(lo + math.Floor(r.Float64()*(math.Min(hi, lo+1e6)-lo))))
			case program.Number:
				try(lo + r.Float64()*(hi-lo))
			case program.Timestamp:
				try(fmt.Sprintf("%04d-%02d-%02dT%02d:00:00Z", 1900+r.IntN(150), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24)))
			case program.Date:
				try(fmt.Sprintf("%04d-%02d-%02d", 1900+r.IntN(150), 1+r.IntN(12), 1+r.IntN(28)))
			case program.String, program.Enum:
				if len(s.Values) == 0 {
					try([]string{"no such value", `'"{{x}}$y;--`, "ünï 💥"}[r.IntN(3)])
				}
			}
		}
		if s.Column != "" && len(s.Values) == 0 && (s.Type == program.String || s.Type == program.Enum) {
			if c, ok := of.Column(s.Column); ok {
				for _, v := range c.Top[:min(3, len(c.Top))] {
					try(v.Value)
				}
			}
		}
		if s.Optional() {
			try(nil)
		}
	}
	return all
}

// slotRuns is what trying slot values came to.
type slotRuns struct {
	tried, failed, full int
	errors              []string
}

func (w *world) trySlots(ctx context.Context, programs []program.Program, seed uint64) slotRuns {
	var out slotRuns
	for i, p := range programs {
		for _, values := range settings(p, w.profile, seed+uint64(i)) {
			out.tried++
			r, err := w.run(ctx, p, values)
			switch {
			case err != nil:
				out.failed++
				out.errors = append(out.errors, fmt.Sprintf("%s: %s with %v: %v", w.name, p.Template, values, err))
			case over(values, r.RowCount):
				out.failed++
				out.errors = append(out.errors, fmt.Sprintf("%s: %s with %v returned %d rows", w.name, p.Template, values, r.RowCount))
			case r.RowCount > 0:
				out.full++
			}
		}
	}
	return out
}

// over reports whether there are more rows than the limit that was set.
func over(values map[string]any, rows int64) bool {
	switch n := values["limit"].(type) {
	case int64:
		return rows > n
	case float64:
		return float64(rows) > n
	}
	return false
}
