package ingest

import (
	"context"
	"database/sql"
)

// keepRotated stores the refresh token that the source gave in place of the one
// of the request, at once: a run that fails or dies later must not lose it. A
// request that a person has changed meanwhile stays as it is.
func (l *landing) keepRotated(ctx context.Context) error {
	used := l.spec.Auth.OAuth2.RefreshToken
	if l.outcome.Rotated.Empty() || used.Name() != "" {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	stored, err := l.Sources.Spec(ctx, l.datasource.ID)
	if err != nil || stored.Auth.OAuth2.RefreshToken != used {
		return err
	}
	stored.Auth.OAuth2.RefreshToken = l.outcome.Rotated
	l.spec.Auth.OAuth2.RefreshToken = l.outcome.Rotated
	return l.DB.Tx(ctx, func(tx *sql.Tx) error { return l.Sources.SaveSpecTx(ctx, tx, l.datasource.ID, stored) })
}
