package curl

import (
	"slices"
	"strings"
)

// An option is what curl knows under one name.
type option struct {
	short byte // 0 if it has none
	takes bool // it takes a value
	// apply does what the option says; nil means that it has no meaning here.
	apply func(p *parser, value string) error
	why   string // a note instead; only for options without apply
}

// flag is an option without a value.
func flag(short byte, apply func(*request)) option {
	return option{short: short, apply: func(p *parser, _ string) error { apply(&p.request); return nil }}
}

// with is an option with a value.
func with(short byte, apply func(p *parser, value string) error) option {
	return option{short: short, takes: true, apply: apply}
}

// refused is an option that would change what is sent in a way that is not
// possible here.
func refused(short byte, takes bool, typ, why, fix string) option {
	return option{short: short, takes: takes, apply: func(*parser, string) error { return wrong(typ, "%s", why).Fix(fix) }}
}

// options lists curl's options by their long name.
func options() map[string]option {
	all := map[string]option{
		"request":        with('X', func(p *parser, v string) error { p.request.method = v; return nil }),
		"url":            with(0, func(p *parser, v string) error { return p.address(v) }),
		"url-query":      with(0, (*parser).urlQuery),
		"header":         with('H', (*parser).header),
		"data":           with('d', func(p *parser, v string) error { return p.data("--data", v, true) }),
		"data-ascii":     with(0, func(p *parser, v string) error { return p.data("--data-ascii", v, true) }),
		"data-binary":    with(0, func(p *parser, v string) error { return p.data("--data-binary", v, true) }),
		"data-raw":       with(0, func(p *parser, v string) error { return p.data("--data-raw", v, false) }),
		"data-urlencode": with(0, (*parser).urlencode),
		"json":           with(0, (*parser).json),
		"form":           with('F', (*parser).form),
		"form-string":    with(0, (*parser).formString),
		"user":           with('u', func(p *parser, v string) error { p.request.user = &v; return nil }),
		"oauth2-bearer":  with(0, func(p *parser, v string) error { p.request.bearer = v; return nil }),
		"cookie":         with('b', (*parser).cookie),
		"user-agent":     with('A', func(p *parser, v string) error { return p.named("User-Agent", v) }),
		"referer":        with('e', func(p *parser, v string) error { return p.named("Referer", strings.TrimSuffix(v, ";auto")) }),
		"range":          with('r', func(p *parser, v string) error { return p.named("Range", "bytes="+v) }),
		"proto-default":  with(0, func(p *parser, v string) error { p.request.scheme = strings.ToLower(v); return nil }),
		"get":            flag('G', func(r *request) { r.get = true }),
		"head":           flag('I', func(r *request) { r.head = true }),
		"globoff":        flag('g', func(r *request) { r.globOff = true }),
		"next":           refused(':', false, "curl-several", "the command makes several requests (--next)", "paste one request at a time"),
		"upload-file":    refused('T', true, "curl-file", "the command sends a file (--upload-file), which is not read from here", "put the file's content into --data-raw and use -X PUT"),
		"config":         refused('K', true, "curl-file", "the command reads its options from a file (--config), which is not read from here", "write the options into the command"),
		"digest":         flag(0, func(r *request) { r.digest = true }),
		"ntlm":           refused(0, false, "curl-auth", "the command uses NTLM authentication, which is not supported", "ask the API's owner for a token or an API key"),
		"ntlm-wb":        refused(0, false, "curl-auth", "the command uses NTLM authentication, which is not supported", "ask the API's owner for a token or an API key"),
		"negotiate":      refused(0, false, "curl-auth", "the command uses Kerberos authentication, which is not supported", "ask the API's owner for a token or an API key"),
		"aws-sigv4":      refused(0, true, "curl-auth", "the command signs requests the AWS way, which is not supported", "use an API that takes a token or an API key"),
		"unix-socket":    refused(0, true, "curl-transport", "the command connects to a socket file, which is not reachable from here", "give the API's network address"),
	}
	all["abstract-unix-socket"] = all["unix-socket"]
	addIgnored(all)
	return all
}

// addIgnored adds the options that change nothing about the request.
func addIgnored(all map[string]option) {
	add := func(takes bool, why string, names ...string) {
		for _, name := range names {
			o := option{takes: takes, why: why}
			if name[1] == '/' {
				o.short, name = name[0], name[2:]
			}
			all[name] = o
		}
	}
	// Printing, waiting, and what this program always does in its own way.
	add(false, "", "s/silent", "S/show-error", "i/include", "v/verbose", "L/location", "f/fail", "fail-with-body", "fail-early", "N/no-buffer", "#/progress-bar",
		"O/remote-name", "J/remote-header-name", "remote-name-all", "R/remote-time", "q/disable", "M/manual", "V/version", "h/help", "Z/parallel", "parallel-immediate",
		"compressed", "styled-output", "progress-meter", "trace-time", "trace-ids", "basic", "anyauth", "raw", "tr-encoding", "create-dirs", "no-clobber", "clobber", "remove-on-error",
		"0/http1.0", "http1.1", "http2", "http2-prior-knowledge", "http3", "http3-only", "http0.9", "4/ipv4", "6/ipv6", "alpn", "npn", "keepalive", "tcp-nodelay", "tcp-fastopen",
		"1/tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "2/sslv2", "3/sslv3", "ssl", "ssl-reqd", "ssl-allow-beast", "ssl-no-revoke", "ssl-revoke-best-effort", "ssl-auto-client-cert",
		"cert-status", "doh-insecure", "doh-cert-status", "sessionid", "j/junk-session-cookies", "path-as-is", "post301", "post302", "post303", "retry-all-errors", "retry-connrefused",
		"a/append", "B/use-ascii", "l/list-only", "xattr", "suppress-connect-headers", "disallow-username-in-url", "metalink", "skip-existing")
	add(true, "", "o/output", "output-dir", "D/dump-header", "w/write-out", "c/cookie-jar", "trace", "trace-ascii", "trace-config", "stderr", "m/max-time", "connect-timeout", "retry", "retry-delay",
		"retry-max-time", "max-redirs", "max-filesize", "y/speed-time", "Y/speed-limit", "limit-rate", "rate", "keepalive-time", "keepalive-cnt", "expect100-timeout", "happy-eyeballs-timeout-ms", "tls-max",
		"ciphers", "tls13-ciphers", "curves", "proto", "proto-redir", "parallel-max", "libcurl", "create-file-mode", "hsts", "alt-svc", "etag-save", "etag-compare", "egd-file", "random-file",
		"delegation", "C/continue-at", "t/telnet-option", "P/ftp-port", "Q/quote")
	add(false, "--insecure is left out: certificates are always checked here", "k/insecure")
	add(false, "--location-trusted is left out: credentials never go to another host", "location-trusted")
	add(false, "--netrc is left out: if the request needs a login, set it by hand", "n/netrc", "netrc-optional")
	add(true, "--netrc-file is left out: if the request needs a login, set it by hand", "netrc-file")
	add(true, "the client certificate is left out: if the API demands one, set it by hand", "E/cert", "key", "cert-type", "key-type", "pass")
	add(true, "the certificate authority is left out: if the API's certificate is not signed by a public one, set it by hand", "cacert", "capath", "crlfile", "pinnedpubkey", "ca-native")
	add(true, "where to connect is left out: the server resolves names itself", "resolve", "connect-to", "interface", "local-port", "dns-servers", "dns-interface", "dns-ipv4-addr", "dns-ipv6-addr", "doh-url")
	add(true, "the proxy is left out: the server connects on its own", "x/proxy", "U/proxy-user", "preproxy", "noproxy", "socks4", "socks4a", "socks5", "socks5-hostname", "proxy1.0", "proxy-header",
		"proxy-cacert", "proxy-capath", "proxy-cert", "proxy-key", "proxy-pass")
	add(false, "the proxy is left out: the server connects on its own", "proxy-basic", "proxy-digest", "proxy-ntlm", "proxy-negotiate", "proxy-anyauth", "proxy-insecure", "p/proxytunnel")
	add(true, "the condition on the file's time is left out: every run fetches what is there", "z/time-cond")
	all["ca-native"] = option{}
}

// arguments reads the words after "curl".
func (p *parser) arguments(words []word) error {
	all := options()
	shorts := map[byte]string{}
	for name, o := range all {
		if o.short != 0 {
			shorts[o.short] = name
		}
	}
	p.request.headers, p.request.queries = nil, nil
	for i := 0; i < len(words); i++ {
		w := words[i]
		text := w.text
		// Text programs make a dash of two hyphens.
		for _, dash := range []string{"—", "–"} {
			if rest, ok := strings.CutPrefix(text, dash); ok {
				text = "--" + rest
				if len(rest) == 1 {
					text = "-" + rest
				}
			}
		}
		var err error
		switch {
		case text == "--":
			for _, rest := range words[i+1:] {
				if err := p.address(rest.text); err != nil {
					return err
				}
			}
			return nil
		case strings.HasPrefix(text, "--"):
			i, err = p.long(all, words, i, text[2:])
		case len(text) > 1 && text[0] == '-':
			i, err = p.short(all, shorts, words, i, text[1:])
		default:
			err = p.address(text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// long reads --name, --name value, --name=value and --no-name.
func (p *parser) long(all map[string]option, words []word, i int, text string) (int, error) {
	name, value, given := strings.Cut(text, "=")
	full, ok := lookup(all, name)
	if !ok {
		if off, cut := strings.CutPrefix(name, "no-"); cut {
			if full, ok := lookup(all, off); ok && !all[full].takes {
				return i, nil
			}
		}
		return i, unknown("--"+name, words[i].at)
	}
	o := all[full]
	if o.takes && !given {
		if i++; i >= len(words) {
			return i, noValue("--"+full, words[i-1].at)
		}
		value = words[i].text
	}
	return i, p.apply(o, value)
}

// short reads -s, -sSL, -Xvalue and -X value.
func (p *parser) short(all map[string]option, shorts map[byte]string, words []word, i int, text string) (int, error) {
	for j := 0; j < len(text); j++ {
		name, ok := shorts[text[j]]
		if !ok {
			return i, unknown("-"+text[j:j+1], words[i].at)
		}
		o := all[name]
		if !o.takes {
			if err := p.apply(o, ""); err != nil {
				return i, err
			}
			continue
		}
		value := text[j+1:]
		if value == "" {
			if i++; i >= len(words) {
				return i, noValue("-"+text[j:j+1], words[i-1].at)
			}
			value = words[i].text
		}
		return i, p.apply(o, value)
	}
	return i, nil
}

func (p *parser) apply(o option, value string) error {
	switch {
	case o.apply != nil:
		return o.apply(p, value)
	case o.why != "":
		p.note(Ignored, "%s", o.why)
	}
	return nil
}

// lookup finds an option by its name or by the beginning of it, as curl does.
func lookup(all map[string]option, name string) (string, bool) {
	if _, ok := all[name]; ok || name == "" {
		return name, ok
	}
	var found []string
	for full := range all {
		if strings.HasPrefix(full, name) {
			found = append(found, full)
		}
	}
	if len(found) != 1 {
		return "", false
	}
	return found[0], true
}

// unknown names the option only if it looks like one: a misplaced quote makes
// options of values, and values can be secrets.
func unknown(name string, at int) error {
	shown := "an option"
	letters := strings.TrimLeft(name, "-")
	if len(letters) > 0 && len(letters) <= 30 && strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz-.") == "" ||
		len(name) == 2 && slices.Contains([]byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), name[1]) {
		shown = "the option " + name
	}
	return wrong("curl-unknown-option", "%s at character %d is not one of curl's", shown, at+1).
		Fix("remove it", "check the quotes before it: a value that is not quoted may have been taken for an option")
}

func noValue(name string, at int) error {
	return wrong("curl-option-value", "the option %s at character %d needs a value and is the last word", name, at+1).Fix("paste the whole command")
}
