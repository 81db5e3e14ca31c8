package paginate

import "strconv"

// offsetStyle skips the records that it has seen.
type offsetStyle struct{ Setting }

func (s offsetStyle) Next(a Answer) Step {
	if more, known := a.more(s.HasMore); known && !more {
		return Step{Done: "has-more-false", Sure: true}
	}
	if step, done := a.counted(); done {
		return step
	}
	start := 0
	if s.Start != nil {
		start = *s.Start
	}
	return s.step(s.Param, "offset", start+int(a.Seen))
}

// proposeOffset looks for an offset in the request or in the answer.
func proposeOffset(a Answer) []Finding {
	names := []string{"offset", "skip", "start", "startat", "startindex", "from", "pageoffset", "firstresult"}
	total, _, claimed := Total(a)
	if name, n, in, ok := numbered(a, names...); ok {
		return []Finding{{Setting: Setting{Kind: Offset, Param: name, In: in, Start: &n}, Evidence: "the request has an offset in " + name}}
	}
	if !claimed || total <= a.Seen {
		return nil
	}
	for _, f := range a.Fields {
		name := plain(lastKey(f.Path))
		n, ok := number(f.Raw)
		if !ok || n > 1 {
			continue
		}
		for _, known := range names {
			if name == known {
				start := int(n)
				return []Finding{{Setting: Setting{Kind: Offset, Param: lastKey(f.Path), In: a.place(), Start: &start},
					Evidence: "the answer has an offset at " + f.Path + " and claims " + strconv.FormatInt(total, 10) + " records"}}
			}
		}
	}
	return nil
}
