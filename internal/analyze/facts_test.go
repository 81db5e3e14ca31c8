package analyze_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"millwright/internal/analyze"
	"millwright/internal/engine"
	"millwright/internal/errs"
	"millwright/internal/profile"
	"millwright/internal/table"
)

func TestStatisticsAreExact(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	records, order := decode(t, `
{"v": 0, "s": "a b", "t": ["x", "y"], "m": 1.5}
{"v": -2, "s": "a b", "t": ["x"], "m": 2.5}
{"v": 4, "s": "ccc", "t": [], "m": 2.5}
{"v": 4, "s": null, "t": ["x"], "m": 9.25}
{"v": null, "s": "", "m": -1}`)
	p := analyzed(t, e, land(t, e, "t", records, order))
	got := map[string]profile.Column{}
	for _, c := range p.Columns {
		c.Path, c.Evidence, c.Role, c.Subtype, c.Label = nil, nil, "", "", ""
		c.Type.Elem, c.Type.ElemID = nil, 0
		got[c.Name] = c
	}
	want := map[string]profile.Column{
		"v": {
			Name: "v", Rows: 5, Nulls: 1, Distinct: 3, Min: "-2", Max: "4", Avg: 1.5, StdDev: 3, Q1: -.5, Median: 2, Q3: 4, Skew: -.14468, Kurtosis: -2.06414,
			Zeros: 1, Negative: 1, Integers: 4, ModeShare: .5, Top: []profile.Value{{Value: "4", Count: 2}, {Value: "-2", Count: 1}, {Value: "0", Count: 1}},
		},
		"s": {
			Name: "s", Rows: 5, Nulls: 1, Distinct: 3, Min: "", Max: "ccc", AvgLen: 2.25, MaxLen: 3, AvgWords: 1.5, ModeShare: .5,
			Top: []profile.Value{{Value: "a b", Count: 2}, {Value: "", Count: 1}, {Value: "ccc", Count: 1}},
		},
		"t": {Name: "t", Rows: 5, Nulls: 1, Distinct: 2, AvgLen: 1, MaxLen: 2, Top: []profile.Value{{Value: "x", Count: 3}, {Value: "y", Count: 1}}},
	}
	for name, w := range want {
		w.Type, w.ID = got[name].Type, got[name].ID
		g := got[name]
		// The sums of these moments are checked against their definition below.
		w.Skew, w.Kurtosis = g.Skew, g.Kurtosis
		if diff := cmp.Diff(w, g); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if skew := moment([]float64{0, -2, 4, 4}, 3); math.Abs(skew-got["v"].Skew) > 1e-4 {
		t.Errorf("skewness %v, want %v", got["v"].Skew, skew)
	}
	if kurt := moment([]float64{0, -2, 4, 4}, 4) - 3; math.Abs(kurt-got["v"].Kurtosis) > 1e-4 {
		t.Errorf("kurtosis %v, want %v", got["v"].Kurtosis, kurt)
	}
}

// moment returns the standardised moment, with the sample standard deviation.
func moment(values []float64, k float64) float64 {
	n, sum, squares := float64(len(values)), 0.0, 0.0
	for _, v := range values {
		sum += v
	}
	for _, v := range values {
		squares += (v - sum/n) * (v - sum/n)
	}
	sd, m := math.Sqrt(squares/(n-1)), 0.0
	for _, v := range values {
		m += math.Pow((v-sum/n)/sd, k)
	}
	return m / n
}

func TestSameFilesGiveTheSameBytesAndShuffledRowsTheSameRoles(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	records, order := orders(3000)
	l := land(t, e, "orders", records, order)
	one, two := analyzed(t, e, l), analyzed(t, e, l)
	if diff := cmp.Diff(text(t, one), text(t, two)); diff != "" {
		t.Errorf("the same files give another profile:\n%s", diff)
	}
	rand.New(rand.NewPCG(5, 5)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	shuffled := analyzed(t, e, land(t, e, "orders", records, order))
	if diff := cmp.Diff(text(t, one), text(t, shuffled)); diff != "" {
		t.Errorf("the same rows in another order give another profile:\n%s", diff)
	}
}

func text(t *testing.T, p *profile.Profile) string {
	t.Helper()
	b, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestChildTableJoinsItsParentWithoutFanOut(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	for _, c := range []struct{ rule, records, join string }{
		{"by the parent's key", `
{"order_id": 7, "items": [{"sku": "a", "qty": 2, "parts": [{"n": 1}, {"n": 2}]}, {"sku": "b", "qty": 3}]}
{"order_id": 9, "items": [{"sku": "a", "qty": 5, "parts": [{"n": 3}]}]}
{"order_id": 11, "items": []}`, `SELECT sum(c.qty) AS n FROM orders p JOIN orders__items c ON c."_parent_order_id" = p.order_id`},
		{"by the row's number where there is no key", `
{"items": [{"sku": "a", "qty": 2}, {"sku": "b", "qty": 3}]}
{"items": [{"sku": "a", "qty": 5}]}
{"items": null}`, `SELECT sum(c.qty) AS n FROM (SELECT row_number() OVER () AS r FROM orders) p JOIN orders__items c ON c."_row_id" = p.r`},
	} {
		records, order := decode(t, c.records)
		l := land(t, e, "orders", records, order)
		p := analyzed(t, e, l)
		if len(p.Children) == 0 {
			t.Fatalf("%s: no child table", c.rule)
		}
		child := p.Children[0]
		if child.Rows != 3 || child.Grain != "item" || child.Plural != "items" {
			t.Errorf("%s: %d rows of %s/%s, want 3 of item/items", c.rule, child.Rows, child.Grain, child.Plural)
		}
		tables := []engine.Table{l.table}
		for _, ch := range p.Children {
			tables = append(tables, engine.Table{Name: ch.Table, View: ch.View, Schema: ch.Schema})
		}
		for i, want := range []profile.Role{profile.ForeignKey, profile.OrdinalInt} {
			if got := child.Columns[i]; got.Role != want || got.Subtype != "" {
				t.Errorf("%s: %s is %s/%s, want %s", c.rule, got.Name, got.Role, got.Subtype, want)
			}
		}
		if got := number(t, e, l, tables, c.join); got != 10 {
			t.Errorf("%s: the sum over the join is %d, want 10", c.rule, got)
		}
		if len(p.Children) > 1 {
			inner := p.Children[1]
			if inner.Table != "orders__items__parts" || inner.Parent != "orders__items" || inner.Rows != 3 || !slices.Equal(inner.KeyColumns, []string{"_parent_order_id", "_parent_position"}) {
				t.Errorf("the array in the array is %+v", inner)
			}
			if got := number(t, e, l, tables, `SELECT sum(x.n) AS n FROM orders__items__parts x JOIN orders__items c ON x."_parent_order_id" = c."_parent_order_id" AND x."_parent_position" = c."_position"`); got != 6 {
				t.Errorf("the sum over the inner join is %d, want 6", got)
			}
		}
	}
}

// number runs a statement that returns one whole number.
func number(t *testing.T, e engine.Engine, l landed, tables []engine.Table, sql string) (n int64) {
	t.Helper()
	rows, err := e.Run(t.Context(), engine.Query{Scope: "test", Dir: l.dir, Tables: tables, SQL: "SELECT CAST(n AS BIGINT) AS n FROM (" + sql + ")"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if _, err := fmt.Sscan(rows.Batch().Column(0).ValueStr(0), &n); err != nil {
			t.Fatal(err)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return n
}

func TestPlacesInListsAndMapsInObjects(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	var records []map[string]any
	for i := range 60 {
		langs := map[string]any{}
		for j := range 25 {
			if (i+j)%4 == 0 {
				langs[fmt.Sprintf("l%02d", j)] = fmt.Sprintf("name %d", j)
			}
		}
		records = append(records, map[string]any{"n": i, "latlng": []any{float64(i) - 30, float64(i)*3 - 90}, "geometry": map[string]any{"coordinates": []any{float64(i) / 4, float64(i) / 2}}, "place": map[string]any{"position": []any{float64(i) / 2, float64(i)*2 + 60}}, "scores": []any{float64(i), float64(i) + 1}, "languages": langs})
	}
	l := land(t, e, "countries", records, []string{"n", "latlng", "geometry", "place", "scores", "languages"})
	p := analyzed(t, e, l)
	for name, want := range map[string]profile.Role{
		"latlng": profile.GeoPoint, "latlng.lat": profile.Lat, "latlng.lon": profile.Lon, "geometry.coordinates": profile.GeoPoint,
		"geometry.coordinates.lon": profile.Lon, "geometry.coordinates.lat": profile.Lat, "place.position.lat": profile.Lat, "scores": profile.ListRole, "languages": profile.MapRole,
	} {
		if c, ok := p.Column(name); !ok || c.Role != want {
			t.Errorf("%s is %s, want %s: %q", name, c.Role, want, c.Evidence)
		}
	}
	if c, _ := p.Column("geometry.coordinates.lon"); c.Virtual != `("geometry")."coordinates"[1]` {
		t.Errorf("the longitude is %s; GeoJSON writes it first", c.Virtual)
	}
	if _, ok := p.Column("languages.l00"); ok {
		t.Error("the keys of a map are still columns")
	}
	c, _ := p.Column("languages")
	if c.Distinct != 25 {
		t.Errorf("%d distinct keys, want 25", c.Distinct)
	}
	if got := number(t, e, l, []engine.Table{l.table}, "SELECT sum(cardinality("+c.SQL()+")) AS n FROM countries"); got != 375 {
		t.Errorf("the map's expression has %d entries, want 375", got)
	}
}

func TestMixedJSONIsTextOnlyWithoutObjects(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	var records []map[string]any
	for i := range 40 {
		records = append(records, map[string]any{
			"scalars": []any{"a", i, "b"}[i%3],
			"shapes":  []any{"a", map[string]any{"k": i}, []any{i}}[i%3],
		})
	}
	p := analyzed(t, e, land(t, e, "t", records, []string{"scalars", "shapes"}))
	if c, _ := p.Column("scalars"); c.ValueType().Kind != table.Varchar || c.Min != "1" || c.Max != "b" {
		t.Errorf("scalars are %s from %q to %q: %q", c.ValueType(), c.Min, c.Max, c.Evidence)
	}
	if c, _ := p.Column("shapes"); c.Role != profile.JSONText || c.Virtual != "" {
		t.Errorf("objects and arrays are %s with the value %q", c.Role, c.Virtual)
	}
}

func TestFactsOfAPanel(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	var records []map[string]any
	rnd := rand.New(rand.NewPCG(3, 3))
	for s, symbol := range []string{"AAPL", "MSFT", "IBM"} {
		cases := 0
		for d := range 40 {
			cases += rnd.IntN(20)
			price := 100 + rnd.Float64()*float64(10*(s+1))
			records = append(records, map[string]any{
				"symbol": symbol, "date": time.Date(2024, 1, 1+d, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "price": price, "price_cents": price * 100, "known": cases,
				"name": "Company " + symbol, "sold": rnd.IntN(1000), "copy": symbol,
			})
		}
	}
	p := analyzed(t, e, land(t, e, "stock prices", records, []string{"symbol", "date", "price", "price_cents", "known", "name", "sold", "copy"}))
	want := profile.Facts{
		Grain: "stock price", Plural: "stock prices", TimeColumn: "date", EntityColumn: "symbol", TimeSpanDays: 39,
		Panel: true, PanelEntity: "symbol", PanelTime: "date", EvenPeriods: []string{"date"},
		Dependencies: [][2]string{{"symbol", "name"}, {"symbol", "copy"}, {"name", "symbol"}, {"name", "copy"}, {"copy", "symbol"}, {"copy", "name"}},
		Duplicates:   [][2]string{{"symbol", "copy"}, {"price", "price_cents"}},
	}
	if diff := cmp.Diff(want, p.Facts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c, _ := p.Column("known"); c.Subtype != profile.Stock {
		t.Errorf("a running total is %s, want stock: %q", c.Subtype, c.Evidence)
	}
	if c, _ := p.Column("sold"); c.Subtype != profile.Flow {
		t.Errorf("what goes up and down is %s, want flow", c.Subtype)
	}
}

func TestARegularSeriesHasEvenGapsAndEventsHaveNot(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	var series, events, months []map[string]any
	rnd := rand.New(rand.NewPCG(4, 4))
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 200 {
		at = at.Add(time.Duration(-math.Log(1-rnd.Float64())*float64(time.Hour)) + time.Second)
		series = append(series, map[string]any{"day": time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "v": rnd.Float64()})
		months = append(months, map[string]any{"month": time.Date(2000, time.Month(1+i), 1, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), "v": rnd.Float64()})
		events = append(events, map[string]any{"at": at.Format(time.RFC3339), "status": []string{"a", "b"}[rnd.IntN(2)], "v": rnd.Float64()})
	}
	for _, c := range []struct {
		rule    string
		records []map[string]any
		order   []string
		want    bool
	}{
		{"a row a day", series, []string{"day", "v"}, true},
		{"a row a month, of 28 to 31 days", months, []string{"month", "v"}, true},
		{"unique times of events", events, []string{"at", "status", "v"}, false},
	} {
		f := analyzed(t, e, land(t, e, "t", c.records, c.order)).Facts
		if f.RegularSeries != c.want || f.Panel {
			t.Errorf("%s: regular %v, want %v; panel %v, want false", c.rule, f.RegularSeries, c.want, f.Panel)
		}
	}
}

func TestOddTablesHaveProfiles(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	for _, c := range []struct{ rule, records string }{
		{"one row", `{"a": 1, "b": "x", "c": [1, 2], "d": {"e": 1}}`},
		{"hostile names", `{"a\"b": 1, "select": 2, "a b; --": "x", "Größe": 1.5, "'": true, "$x": "2024-01-01", "%": {"\"": 5}}` + "\n" + `{"a\"b": 2, "select": 3, "a b; --": "y", "Größe": 2.5, "'": false, "$x": "2024-01-02", "%": {"\"": 6}}`},
		{"all null", `{"a": null}` + "\n" + `{"a": null}`},
		{"numbers that overflow a standard deviation", `{"a": 1e308, "b": 1}` + "\n" + `{"a": -1e308, "b": 2}` + "\n" + `{"a": 1e307, "b": 3}`},
		{"lists in lists", `{"a": [[1, 2], [3]]}` + "\n" + `{"a": []}`},
	} {
		records, order := decode(t, c.records)
		p := analyzed(t, e, land(t, e, "odd", records, order))
		for _, col := range p.Columns {
			if col.Role == "" || len(col.Evidence) == 0 {
				t.Errorf("%s: %s has role %q and evidence %q", c.rule, col.Name, col.Role, col.Evidence)
			}
		}
		if strings.Contains(c.rule, "overflow") {
			b, _ := p.Column("b")
			if b.Distinct != 3 || b.Role == profile.Unknown {
				t.Errorf("a column beside an odd one lost its statistics: %+v", b)
			}
			if a, _ := p.Column("a"); a.Role != profile.Unknown || !a.Approx || len(p.Facts.Notes) == 0 {
				t.Errorf("the odd column is %s, noted as %q", a.Role, p.Facts.Notes)
			}
		}
	}
}

// A slowEngine answers the first statements and then lets them wait for the end
// of their context.
type slowEngine struct {
	engine.Engine
	answers chan struct{} // one a statement that is answered
}

func (s slowEngine) Run(ctx context.Context, q engine.Query) (engine.Rows, error) {
	select {
	case <-s.answers:
		return s.Engine.Run(ctx, q)
	default:
		<-ctx.Done()
		return nil, errs.New(errs.Canceled, "the query was cancelled").Because(ctx.Err())
	}
}

func TestWhenTheTimeIsUpWhatIsKnownIsReturned(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	records, order := orders(100)
	l := land(t, e, "orders", records, order)
	for _, answered := range []int{0, 1, 3, 6} {
		t.Run(fmt.Sprintf("after %d statements", answered), func(t *testing.T) {
			t.Parallel()
			slow := slowEngine{e, make(chan struct{}, answered)}
			for range answered {
				slow.answers <- struct{}{}
			}
			a := &analyze.Analyzer{Engine: slow, Limits: analyze.Limits{Budget: time.Second}}
			p, err := a.Analyze(t.Context(), analyze.Input{Scope: "test", Dir: l.dir, Table: l.table, Name: "orders"})
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Columns) < len(order) || len(p.Facts.Notes) == 0 {
				t.Errorf("%d columns and the notes %q", len(p.Columns), p.Facts.Notes)
			}
			for _, c := range p.Columns {
				if c.Role == "" || c.Role == profile.Unknown && !c.Approx {
					t.Errorf("%s has role %q, approximate %v", c.Name, c.Role, c.Approx)
				}
			}
		})
	}
}

func TestAnEndedCallerEndsTheAnalysis(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	records, order := orders(10)
	l := land(t, e, "orders", records, order)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a := &analyze.Analyzer{Engine: e}
	if _, err := a.Analyze(ctx, analyze.Input{Scope: "test", Dir: l.dir, Table: l.table, Name: "orders"}); err == nil {
		t.Error("no error")
	}
}

func TestManyTextsAreSampledAndCountedExactly(t *testing.T) {
	t.Parallel()
	e := openEngine(t)
	p := analyzed(t, e, wide(t, e, 80_000))
	for name, want := range map[string]struct {
		role     profile.Role
		distinct int64
	}{"id": {profile.Key, 80_000}, "token": {profile.Key, 80_000}, "notes": {profile.FreeText, 80_000}, "email": {profile.Email, 0}, "url": {profile.URL, 0}} {
		c, _ := p.Column(name)
		if c.Role != want.role || want.distinct > 0 && c.Distinct != want.distinct {
			t.Errorf("%s is %s of %d values, want %s of %d: %q", name, c.Role, c.Distinct, want.role, want.distinct, c.Evidence)
		}
		if name == "url" && !strings.Contains(c.Evidence[0], "a sample of 10,000 distinct values") {
			t.Errorf("the sample is not 10,000: %q", c.Evidence)
		}
	}
}
