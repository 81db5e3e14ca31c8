package app

import (
	"context"
	"net/http"
	"time"

	"millwright/internal/httpsource/guard"
	"millwright/internal/job"
	"millwright/internal/lineage/openlineage"
)

// collectorOf returns what sends lineage to the configured collector; nil without one.
func (a *App) collectorOf(tell *openlineage.Teller) *openlineage.Emitter {
	if a.config.OpenLineageURL == "" {
		return nil
	}
	dial := guard.New(guard.Config{Allow: a.config.prefixes()})
	client := &http.Client{
		Transport: &http.Transport{DialContext: dial.DialContext, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute, MaxIdleConns: 2},
		// The key is for the configured place alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return (&openlineage.Emitter{URL: a.config.OpenLineageURL, Key: a.config.OpenLineageKey, Client: client, Tell: tell.Tell, Log: a.log}).Open()
}

// told is the handler, of whose runs the collector is told.
func (a *App) told(handle job.Handler) job.Handler {
	return func(ctx context.Context, run *job.Run) error {
		if a.emitter != nil {
			a.emitter.Started(run.Job)
		}
		return handle(ctx, run)
	}
}
