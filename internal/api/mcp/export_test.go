package mcp

import (
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"millwright/internal/publish"
)

// Described is an endpoint as a tool.
func Described(e publish.Endpoint) *sdk.Tool { return publishedTool{e.Name, e, ""}.described() }

// Names are what tools of these names are called beside each other.
func Names(names ...string) (free []string) {
	s := &Server{tools: catalogue()}
	taken := map[string]publishedTool{}
	for _, n := range names {
		name := s.freeName(n, taken)
		taken[name] = publishedTool{name: name}
		free = append(free, name)
	}
	return free
}
