// Package app builds every part from one Config, starts them, and stops them in
// order. It is the only place where parts meet.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"time"

	"millwright/internal/errs"
	"millwright/internal/secret"
	"millwright/internal/upkeep"
)

// DefaultAddr is where the server listens unless told otherwise: this machine only.
const DefaultAddr = "127.0.0.1:7400"

// A Config is everything that can be set.
type Config struct {
	Addr       string        // host:port to serve on; empty means DefaultAddr; port 0 takes a free one
	Data       string        // folder for everything that is kept; empty means ./millwright-data
	AllowCIDRs []string      // private ranges that connections may reach, such as 10.0.0.0/8; none by default
	APIKey     secret.String // key of the first user instead of a generated one; at least 16 characters
	Grace      time.Duration // how long requests and jobs may go on after a stop; 0 means 10 s
	Passing    bool          // schedules rest: the server lives only as long as a command
	// How long an object stays that no row names: what a run left that died, files of
	// expired versions. 0 means 24 h; at least 1 h, which is longer than any query.
	OrphanGrace time.Duration

	SliceBytes int64 // bytes of records that make one Parquet file of a dataset; 0 means 64 MB

	MaxUpload int64 // bytes of the largest file that is loaded; 0 means 16 GB

	RatePerMinute int      // requests a minute of an API key that has no rate of its own; 0 means any number
	Origins       []string // web origins, such as https://chat.example.com, whose pages may call /mcp beside this machine's own

	// A language model behind an OpenAI-compatible URL may put questions in better words
	// and order, and write SQL for one that nothing answers; none is asked by default.
	ProviderURL     string        // such as https://api.example.com/v1; empty asks none
	ProviderModel   string        // as that API names it
	ProviderKey     secret.String // of that API; from MILLWRIGHT_PROVIDER_KEY
	ProviderValues  bool          // it may be told frequent values, not only names, types and counts
	ProviderTimeout time.Duration // how long one answer may take; 0 means 15 s

	QueryTimeout    time.Duration // how long a query may run; 0 means 30 s
	DownloadTimeout time.Duration // how long a query may run whose rows become a file; 0 means 10 min
	CacheBytes      int64         // bytes of answers that are kept in memory; 0 means 64 MiB, negative keeps none

	// OpenLineageURL is where the lineage of every run is posted as OpenLineage events,
	// such as http://marquez:5000/api/v1/lineage, within AllowCIDRs; empty posts nothing.
	OpenLineageURL string
	OpenLineageKey secret.String // sent there as a bearer token; may be empty

	// Step is called before each step of a landing that a crash may part from the next.
	// It is for tests, which fail, hang or die there; nil otherwise.
	Step func(ctx context.Context, name string) error

	Workers int // sandboxed SQL workers at once; 0 means 4; half of them for one project
}

func (c Config) withDefaults() Config {
	if c.Addr == "" {
		c.Addr = DefaultAddr
	}
	if c.Data == "" {
		c.Data = "./millwright-data"
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 64 << 20
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	return c
}

// Validate returns everything that is wrong with the configuration, joined.
func (c Config) Validate() error {
	var all []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		all = append(all, errs.New(errs.Invalid, "the address %q is not host:port", c.Addr).Named("config-invalid").Fix("use --addr 127.0.0.1:7400").Because(err))
	}
	for _, text := range c.AllowCIDRs {
		if _, err := netip.ParsePrefix(text); err != nil {
			all = append(all, errs.New(errs.Invalid, "%q is not an address range", text).Named("config-invalid").Fix("use --allow-cidr 10.0.0.0/8").Because(err))
		}
	}
	if key := c.APIKey.Reveal(); key != "" && len(key) < 16 {
		all = append(all, errs.New(errs.Invalid, "MILLWRIGHT_API_KEY is shorter than 16 characters").Named("config-invalid").Fix("set a longer key, or none to get one generated"))
	}
	if c.RatePerMinute < 0 {
		all = append(all, errs.New(errs.Invalid, "the rate limit of %d requests is below zero", c.RatePerMinute).Named("config-invalid").Fix("use --rate-limit 600, or 0 for none"))
	}
	if u, err := url.Parse(c.OpenLineageURL); c.OpenLineageURL != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		all = append(all, errs.New(errs.Invalid, "the address of the collector of lineage is no http or https URL").Named("config-invalid").
			Fix("use --openlineage-url http://marquez:5000/api/v1/lineage").Because(err))
	}
	if c.DownloadTimeout >= upkeep.MinGrace {
		all = append(all, errs.New(errs.Invalid, "a download may run for %v, longer than files stay that were replaced", c.DownloadTimeout).Named("config-invalid").
			Fix(fmt.Sprintf("use a --download-timeout below %v", upkeep.MinGrace)))
	}
	if c.OrphanGrace != 0 && c.OrphanGrace < upkeep.MinGrace {
		all = append(all, errs.New(errs.Invalid, "the grace of orphans, %v, is shorter than a query may run", c.OrphanGrace).Named("config-invalid").
			Fix(fmt.Sprintf("use --orphan-grace %v or longer", upkeep.MinGrace)))
	}
	return errors.Join(all...)
}

// prefixes returns the parsed AllowCIDRs; call it after Validate.
func (c Config) prefixes() []netip.Prefix {
	var all []netip.Prefix
	for _, text := range c.AllowCIDRs {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, p)
		}
	}
	return all
}
