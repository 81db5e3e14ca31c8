package openapi

import (
	"net/url"
	"strings"
)

// server returns the address that paths are appended to: without a slash at its
// end, and without a host if the document names none.
func (o *operation) server() string {
	servers := o.root.get("servers").elements()
	for _, own := range []*node{o.item.get("servers"), o.op.get("servers")} {
		if list := own.elements(); len(list) > 0 {
			servers = list
		}
	}
	chosen := &node{}
	for i, s := range servers {
		address := s.get("url").string()
		// The first is the document's choice, unless it would send credentials in the clear.
		if i == 0 || strings.HasPrefix(address, "https://") && !strings.HasPrefix(chosen.get("url").string(), "https://") {
			chosen = s
		}
	}
	address := chosen.get("url").string()
	variables := chosen.get("variables")
	for i, name := range variables.names {
		given := variables.items[i].get("default")
		if choices := variables.items[i].get("enum").elements(); given.kind != scalar && len(choices) > 0 {
			given = choices[0]
		}
		// An empty default is one too: it leaves the part out.
		if value := given.string(); given.kind == scalar && strings.Contains(address, "{"+name+"}") {
			address = strings.ReplaceAll(address, "{"+name+"}", value)
			o.say("%s in the server's address is %s, the document's default", clip(name, 60), clip(value, 100))
		}
		if len(address) > 4000 {
			address = ""
		}
	}
	return strings.TrimRight(o.absolute(address), "/")
}

// absolute resolves a relative server against the document's own address.
func (o *operation) absolute(address string) string {
	if strings.Contains(address, "://") || o.base == nil {
		return address
	}
	ref, err := url.Parse(address)
	if err != nil {
		return address
	}
	full := o.base.ResolveReference(ref)
	full.RawQuery, full.Fragment = "", ""
	if address == "" {
		full.Path, full.RawPath = "", "" // a document without servers means "/"
	}
	return strings.NewReplacer("%7B", "{", "%7D", "}").Replace(full.String())
}
