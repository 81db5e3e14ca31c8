package httpsource

import (
	"net/url"
	"strings"
	"time"

	"millwright/internal/httpsource/auth"
	"millwright/internal/httpsource/decode"
	"millwright/internal/httpsource/paginate"
	"millwright/internal/secret"
)

// A Spec is a request that a person described, checked. Get one from
// [ParseSpec], [ParseExecute] or [ParseSealed]. Values that may hold a secret
// are secret strings, so a printed or logged Spec shows none; its JSON is
// [Spec.Public].
type Spec struct {
	URL             secret.String // absolute, http or https; its query is sent byte for byte
	Method          string        // upper case
	Headers         []Pair
	Parameters      []Param // appended to the query, in order
	ParameterGroups []Group // of each group exactly one parameter is sent
	Auth            auth.Credentials
	Body            Body
	ResponsePath    string // dotted keys or RFC 9535 JSONPath; empty means: find the rows
	Options         SpecOptions
}

// A Pair is a named value: a header or a field of a form.
type Pair struct {
	Name  string
	Value secret.String
}

// A Param is a query parameter. An optional one without a value is not sent.
type Param struct {
	Name     string
	Value    secret.String
	Required bool
}

// A Group is a choice: the first parameter with a value is sent, the rest not.
type Group struct {
	Required   bool
	Parameters []Param
}

// A BodyType says how a body is written.
type BodyType string

// The types of body.
const (
	NoBody   BodyType = "none"
	RawBody  BodyType = "raw"
	FormData BodyType = "form-data"
	FormURL  BodyType = "x-www-form-urlencoded"
)

// A Body is what a POST, PUT or PATCH sends.
type Body struct {
	Type        BodyType      // zero means none
	ContentType string        // of a raw body; decided from the content when empty
	Content     secret.String // of a raw body
	Parameters  []Pair        // of the two forms
}

// Empty reports whether the request has no body.
func (b Body) Empty() bool { return b.Type == "" || b.Type == NoBody }

// SpecOptions are our additions to the guide's fields. The zero value is the default.
type SpecOptions struct {
	Pagination paginate.Setting
	Shape      decode.Shape  // how the selected value becomes rows; empty means: see the first answer
	Limits     LimitOverride // zero fields keep the server's limits
	Retry      Retry
	TLS        TLS
	Rate       float64    // requests a second to this source; 0 means unlimited
	Parallel   int        // pages asked for at once where pages are numbered and their number is known; 0 means 4
	Run        RunSetting // what becomes of the records; the landing obeys it
	WarnOnly   bool       // on_partial: warn. An incomplete run is kept with a warning instead of failing
}

// Retry says when a failed request is sent again.
type Retry struct {
	Attempts int           // requests in all for one page; 0 means 5
	MaxWait  time.Duration // longest single wait, also for Retry-After; 0 means 2 minutes
	Safe     bool          // a POST or PATCH may be sent twice
	Unsafe   bool          // a PUT or DELETE may not be sent twice, although HTTP says that it may
}

// TLS says what is trusted and shown when a connection is made. The zero value
// is the default.
type TLS struct {
	CA   string        // PEM; authorities that are trusted besides those of the system
	Cert string        // PEM; shown to the origin of the URL and to no other
	Key  secret.String // PEM; of Cert
}

// LimitOverride replaces single limits for one connection; see [Limits].
type LimitOverride struct {
	Pages         int64
	Records       int64
	WireBytes     int64
	DecodedBytes  int64
	RecordBytes   int64
	DocumentBytes int64
	Ratio         int64
	Keys          int64
	TotalSeconds  int64
	IdleSeconds   int64
	Throughput    int64
}

// Origin returns scheme://host:port in lower case with the port always given:
// what credentials are bound to.
func (s Spec) Origin() string {
	u, err := url.Parse(s.URL.Reveal())
	if err != nil {
		return ""
	}
	return originOf(u)
}

func originOf(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[scheme]
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + port
}

// A ParamDoc describes a parameter to a person without its value.
type ParamDoc struct {
	Name           string `json:"name"`
	Value          string `json:"value"` // "REDACTED" if it looks like a secret
	Required       bool   `json:"required"`
	ExclusiveGroup string `json:"exclusive_group"` // "" or a letter that alternatives share
}

// ParamDocs describes every parameter, groups included.
func (s Spec) ParamDocs() []ParamDoc {
	hide := s.hider()
	var docs []ParamDoc
	for _, p := range s.Parameters {
		docs = append(docs, ParamDoc{p.Name, hide(p.Name, p.Value), p.Required, ""})
	}
	for i, g := range s.ParameterGroups {
		for _, p := range g.Parameters {
			docs = append(docs, ParamDoc{p.Name, hide(p.Name, p.Value), g.Required, string(rune('A' + i%26))})
		}
	}
	return docs
}
