package typing

// skipped is how many keys in a row may be missing without a lookup.
const skipped = 3

// following returns the key that is expected behind n; nil if there is none.
func (n *node) following() *node {
	if n == nil {
		return nil
	}
	return n.then
}

// missing returns the key that does stand at b[i], behind some that were expected and
// are missing; nil if it is not found so.
func (n *node) missing(b []byte, i int) *node {
	for range skipped {
		if n = n.then; n == nil || n.lead.Is(b, i) {
			return n
		}
	}
	return nil
}
