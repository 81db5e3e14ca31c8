package meta

import (
	"context"

	"millwright/internal/errs"
)

type confinedKey struct{}

// Confine returns a context in which there is no other project than that one: what
// stores find for a caller they find with [Within]. An empty id confines nothing.
func Confine(ctx context.Context, projectID string) context.Context {
	if projectID == "" {
		return ctx
	}
	return context.WithValue(ctx, confinedKey{}, projectID)
}

// Confined returns the only project that there is in ctx; "" if there are all.
func Confined(ctx context.Context) string {
	id, _ := ctx.Value(confinedKey{}).(string)
	return id
}

// Within returns the condition under which a row may be seen in ctx, if column
// names the project that it belongs to.
func Within(ctx context.Context, column string) (condition string, args []any) {
	if id := Confined(ctx); id != "" {
		return column + ` = ?`, []any{id}
	}
	return `TRUE`, nil
}

// MayReachOut fails with errs.Denied in a context that is confined to a project:
// for changes whose effects go beyond any one.
func MayReachOut(ctx context.Context) error {
	if Confined(ctx) == "" {
		return nil
	}
	return errs.New(errs.Denied, "this key is bound to one project, and what you ask for concerns others too").Named("key-bound").
		Fix("use a key that is not bound to a project: millwright keys create NAME")
}
