package document_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"millwright/internal/program"
	"millwright/internal/publish"
	"millwright/internal/publish/document"
	"millwright/internal/table"
)

func pageOf(t *testing.T, api publish.API) string {
	t.Helper()
	text, err := document.Page(api, base)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePageLoadsAndRunsNothing(t *testing.T) {
	t.Parallel()
	page := pageOf(t, shop())
	for _, bad := range []string{"<script", "<img", "<link", "@import", "url(", "javascript:", "<iframe", " style=", " onclick="} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %s", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], base+"/live/shop/v2/") {
			t.Errorf("the page refers to %s", m[1])
		}
	}
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(style[1]))
	if !strings.Contains(document.Policy(), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
		t.Error("the policy does not allow the page's own style")
	}
}

func TestNamesArePartsOfThePageAndNeverItsMarkup(t *testing.T) {
	t.Parallel()
	const evil = `</code><script>alert(1)</script><a href="javascript:x" onmouseover='y'>&amp;`
	api := shop()
	api.Name, api.Description = evil, evil
	api.Endpoints = append(api.Endpoints, publish.Endpoint{Name: "evil", Path: "evil", Description: evil, Status: publish.Live,
		Program: program.Program{Cue: evil, SQL: "SELECT $a", Slots: []program.Slot{{Name: "a", Type: program.Enum, Label: evil, Values: []any{evil}, Default: evil}}},
		Columns: []table.Column{{Name: evil, Type: table.Type{Kind: table.Varchar}}}, Example: []byte(`[{"x":1}]`)})
	page := pageOf(t, api)
	if strings.Contains(page, "<script>") || strings.Contains(page, `href="javascript:`) || !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Errorf("%s", page)
	}
}

// TestThePageIsWellFormed reads the page as XML, once its one unclosed kind of
// element is closed, and checks what assistive technology needs of it.
func TestThePageIsWellFormed(t *testing.T) {
	t.Parallel()
	page := regexp.MustCompile(`<meta ([^>]*)>`).ReplaceAllString(pageOf(t, shop()), "<meta $1/>")
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(page, "<!doctype html>")))
	d.Entity = xml.HTMLEntity
	ids, seen, level := map[string]bool{}, map[string]int{}, 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v at %d of\n%s", err, d.InputOffset(), page[:min(len(page), int(d.InputOffset())+20)])
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		name := element.Name.Local
		seen[name]++
		attributes := map[string]string{}
		for _, a := range element.Attr {
			attributes[a.Name.Local] = a.Value
		}
		if id := attributes["id"]; id != "" && ids[id] {
			t.Errorf("the id %s is there twice", id)
		}
		ids[attributes["id"]] = true
		if name == "th" && attributes["scope"] == "" {
			t.Error("a head of a table has no scope")
		}
		if attributes["tabindex"] == "0" && (attributes["aria-label"] == "" || attributes["role"] == "") {
			t.Errorf("what can be focused has no name: %v", element)
		}
		if len(name) == 2 && name[0] == 'h' && name[1] >= '1' && name[1] <= '6' {
			if now := int(name[1] - '0'); now > level+1 {
				t.Errorf("h%d follows h%d", now, level)
			} else {
				level = now
			}
		}
	}
	if seen["h1"] != 1 || seen["main"] != 1 || seen["caption"] != seen["table"] || seen["section"] != 2 || !bytes.Contains([]byte(page), []byte(`<html lang="en">`)) {
		t.Errorf("%v", seen)
	}
}
