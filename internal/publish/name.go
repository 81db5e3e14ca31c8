package publish

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"millwright/internal/errs"
	"millwright/internal/meta"
)

// longest leaves room for a number within the 64 bytes that tools may be called by.
const longest = 58

// letters are those that no accent can be split from.
var letters = strings.NewReplacer("ß", "ss", "æ", "ae", "Æ", "AE", "œ", "oe", "Œ", "OE", "ø", "o", "Ø", "O", "ł", "l", "Ł", "L", "đ", "d", "Đ", "D")

// kebab returns the text as a part of a URL that needs no escaping: ASCII letters
// and digits in lower case, one dash for everything between them; "" if nothing of
// it is left.
func kebab(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(letters.Replace(text)) {
		switch {
		case unicode.Is(unicode.Mn, r): // the accent of é, split off by NFKD
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(unicode.ToLower(r))
		case r == '\'' || r == '’': // the customer's
		default:
			b.WriteByte('-')
		}
	}
	words := strings.FieldsFunc(b.String(), func(r rune) bool { return r == '-' })
	out := ""
	for _, w := range words {
		if out != "" && len(out)+1+len(w) > longest {
			break // whole words, as long as there is one
		}
		out = strings.TrimPrefix(out+"-"+w, "-")
	}
	return out[:min(len(out), longest)]
}

// toolName returns the path as tools are called: snake_case, beginning with a letter.
func toolName(path string) string {
	name := strings.Map(func(r rune) rune {
		if r == '-' || r == '.' || r == '~' {
			return '_'
		}
		return unicode.ToLower(r)
	}, path)
	if name == "" || name[0] < 'a' || name[0] > 'z' {
		name = "q_" + name
	}
	return name[:min(len(name), 64)]
}

// notSlugs would be taken for another route.
var notSlugs = []string{"project", "endpoints", "queryprogram", "live"}

// freeSlug returns the slug of a project of that name that no other API has.
func freeSlug(ctx context.Context, tx meta.Querier, name string) (string, error) {
	base := cmp.Or(kebab(name), "api")
	if _, err := uuid.Parse(base); err == nil || slices.Contains(notSlugs, base) {
		base += "-api"
	}
	slug := base
	for n := 2; ; n++ {
		_, taken, err := meta.One(ctx, tx, scanText, `SELECT id FROM apis WHERE slug = ?`, slug)
		if err != nil || !taken {
			return slug, err
		}
		slug = base + "-" + strconv.Itoa(n)
	}
}

func scanText(row meta.Row) (s string, err error) { return s, row.Scan(&s) }

var (
	slugShape = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	pathShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~-]*$`)
	nameShape = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

func checkSlug(slug string) error {
	_, err := uuid.Parse(slug)
	if err == nil || len(slug) > 64 || !slugShape.MatchString(slug) || slices.Contains(notSlugs, slug) {
		return errs.New(errs.Invalid, "the slug cannot be a part of a URL, or means something else there").Named("bad-slug").At("/slug").
			Fix("use lower-case letters and digits with dashes between them, at most 64, such as shop-orders")
	}
	return nil
}

// takenPaths are those of documents, which are served beside the endpoints.
var takenPaths = []string{"openapi.json", "tools.json"}

func checkPath(path string) error {
	if len(path) > 64 || !pathShape.MatchString(path) || slices.Contains(takenPaths, path) {
		return errs.New(errs.Invalid, "the path cannot be that of an endpoint").Named("bad-path").At("/path").
			Fix("use one part of a URL: letters, digits and dashes, at most 64, such as orders-by-status")
	}
	return nil
}

func checkToolName(name string) error {
	if len(name) > 64 || !nameShape.MatchString(name) {
		return errs.New(errs.Invalid, "the endpoint's name cannot be that of a tool").Named("bad-name").At("/endpoint_name").
			Fix("use snake_case: a lower-case letter, then letters, digits and _, at most 64 in all")
	}
	return nil
}

// place gives the endpoint the first path and name that no other has, after what
// the program is called.
func (e *Endpoint) place(others []Endpoint) {
	base := cmp.Or(kebab(e.Program.Name), kebab(e.Program.Cue), "query")
	taken := func(path string) bool {
		return slices.ContainsFunc(others, func(o Endpoint) bool {
			return o.ProgramID != e.ProgramID && (o.Path == path || o.Name == toolName(path))
		})
	}
	path := base
	for n := 2; taken(path); n++ {
		path = base + "-" + strconv.Itoa(n)
	}
	e.Path, e.Name = path, toolName(path)
}
