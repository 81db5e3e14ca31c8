package mcp

import (
	"context"
	_ "embed"
	"fmt"
	"net/url"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"millwright/internal/errs"
	"millwright/internal/tenant"
)

// Where resources are.
const (
	guideURI   = "millwright://guide"
	profileURI = "millwright://datasets/{dataset}/profile"
)

//go:embed guide.md
var guide string

// resources offers the guide, and the profile of every dataset.
func (one *session) resources() {
	one.mcp.AddResource(&sdk.Resource{URI: guideURI, Name: "guide", Title: "How to work with Millwright", MIMEType: "text/markdown",
		Description: "Which tool to use when, and how to write SQL for it"},
		func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
			return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: guideURI, MIMEType: "text/markdown", Text: guide}}}, nil
		})
	one.mcp.AddResourceTemplate(&sdk.ResourceTemplate{URITemplate: profileURI, Name: "dataset_profile", Title: "Profile of a dataset", MIMEType: "application/json",
		Description: "What is known of each column of a dataset, by its id: what describe_dataset returns"}, one.readProfile)
}

// maxResources is how many profiles are listed; the others are there all the same.
const maxResources = 100

// list offers the profiles of the datasets that there are now.
func (one *session) list(ctx context.Context) error {
	one.mu.Lock()
	defer one.mu.Unlock()
	if one.caller.MayUse(tenant.ScopeRead) != nil {
		return nil
	}
	var all []dataline
	if err := one.server.operate(one.caller.enter(ctx), "GET", "/v1/datalines", nil, nil, &all); err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, d := range all[:min(len(all), maxResources)] {
		uri := strings.Replace(profileURI, "{dataset}", d.ID, 1)
		if listed[uri] = true; !one.listed[uri] {
			one.mcp.AddResource(&sdk.Resource{URI: uri, Name: d.TableName, Title: "Profile of " + d.TableName, MIMEType: "application/json"}, one.readProfile)
		}
	}
	for uri := range one.listed {
		if !listed[uri] {
			one.mcp.RemoveResources(uri)
		}
	}
	one.listed = listed
	return nil
}

func (one *session) readProfile(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	caller, ok := callerOf(req)
	id, found := strings.CutPrefix(req.Params.URI, "millwright://datasets/")
	id, ends := strings.CutSuffix(id, "/profile")
	if !ok || !found || !ends {
		return nil, sdk.ResourceNotFoundError(req.Params.URI)
	}
	c := &call{server: one.server, caller: caller}
	var d dataline
	err := caller.MayUse(tenant.ScopeRead)
	if err == nil {
		err = c.operate(ctx, "GET", "/v1/datalines/"+url.PathEscape(id), nil, nil, &d)
	}
	if errs.KindOf(err) == errs.NotFound {
		return nil, sdk.ResourceNotFoundError(req.Params.URI)
	}
	if err != nil {
		return nil, fmt.Errorf("%s", errs.Public(err))
	}
	out, err := c.describe(ctx, d.dataset())
	if err != nil {
		return nil, fmt.Errorf("%s", errs.Public(err))
	}
	text, err := encode(out)
	if err != nil {
		return nil, err
	}
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: req.Params.URI, MIMEType: "application/json", Text: string(text),
		Meta: sdk.Meta{"millwright/note": note}}}}, nil
}
