package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"millwright/internal/tenant"
)

// scopeOf returns the scope that a key needs for an operation; "" if any key will
// do. Looking takes read and everything else write, unless it is said here that it
// takes something else: a new operation asks for too much before it asks for too
// little.
func scopeOf(op *huma.Operation) string {
	switch op.OperationID {
	case "get-v1-authentication-me", // the first call of every client
		"get-live-slug-version", "get-live-slug-version-openapi-json", "get-live-slug-version-tools-json": // what callers have to know
		return ""
	case "post-v1-jobs-subscribe-id", "post-v1-actions-generate-questions", "post-v1-http-from-curl", "post-v1-http-from-openapi":
		return tenant.ScopeRead
	case "post-v1-queryprograms-validate", "post-v1-queryprograms-explain", "post-v1-queryprograms-id-explain", "post-v1-actions-evaluate-queryprogram-graph":
		return tenant.ScopeRun
	}
	looks := op.Method == http.MethodGet || op.Method == http.MethodHead
	for _, tag := range op.Tags {
		switch tag {
		case "run", "live", "chat":
			return tenant.ScopeRun
		case "explore":
			if op.Method == http.MethodPost {
				return tenant.ScopeRun
			}
		case "keys":
			return tenant.ScopeAdmin
		case "tenants":
			if !looks {
				return tenant.ScopeAdmin
			}
		}
	}
	if looks {
		return tenant.ScopeRead
	}
	return tenant.ScopeWrite
}

// sayScope writes into the document which scope the operation takes.
func sayScope(op *huma.Operation) {
	scope := scopeOf(op)
	if scope == "" {
		return
	}
	for _, way := range op.Security {
		for scheme := range way {
			way[scheme] = []string{scope}
		}
	}
}
