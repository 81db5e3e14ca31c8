package ask

import "context"

// Propose is propose, for tests.
func (a *Adviser) Propose(ctx context.Context, question string, tables []Table) (Answer, bool) {
	return a.propose(ctx, question, tables)
}

// Order is order, for tests.
func (a *Adviser) Order(ctx context.Context, wanted string, tables []Table, questions []string) []int {
	return a.order(ctx, wanted, tables, questions)
}

// Words is words, for tests.
func (a *Adviser) Words(ctx context.Context, tables []Table, questions []string) []string {
	return a.words(ctx, tables, questions)
}
