package paginate

// Propose looks at the first answer and returns the ways of paging that it could
// have, the likeliest first. No proposal means that nothing in the answer speaks
// of more pages.
func Propose(a Answer) []Finding {
	for _, l := range ParseLinks(a.Header) {
		if l.Rel("next") {
			return []Finding{{Setting: Setting{Kind: Link}, Evidence: "the answer has a Link header with rel=next"}}
		}
	}
	if more, known := a.More(); known && !more {
		return nil
	}
	for _, propose := range []func(Answer) []Finding{proposeGraphQL, proposeURL, proposeCursor, proposePage, proposeOffset, proposeLastRow} {
		if found := propose(a); len(found) > 0 {
			return found
		}
	}
	return nil
}
