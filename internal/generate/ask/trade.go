package ask

import (
	"strconv"
	"strings"
	"time"
)

// tradeWord reports words that say what to do with columns.
func tradeWord(w string) bool {
	if _, ok := degrees()[w]; ok {
		return true
	}
	if _, ok := aggWords()[w]; ok {
		return true
	}
	if _, ok := grainWords()[w]; ok {
		return true
	}
	if _, ok := months()[w]; ok && w != "may" && w != "march" {
		return true
	}
	return kindWords()[w]
}

func aggWords() map[string]string {
	return map[string]string{
		"average": "avg", "avg": "avg", "mean": "avg", "averages": "avg", "typical": "median", "median": "median",
		"total": "sum", "sum": "sum", "totals": "sum", "combined": "sum", "altogether": "sum",
		"maximum": "max", "max": "max", "minimum": "min", "min": "min",
		"count": "count", "counts": "count", "frequency": "count", "often": "count", "common": "count", "frequent": "count", "popular": "count",
		"distinct": "distinct", "unique": "distinct",
	}
}

func grainWords() map[string]string {
	return map[string]string{
		"hour": "hour", "hourly": "hour", "hours": "hour", "day": "day", "daily": "day", "days": "day", "week": "week", "weekly": "week", "weeks": "week",
		"month": "month", "monthly": "month", "months": "month", "quarter": "quarter", "quarterly": "quarter", "quarters": "quarter",
		"year": "year", "yearly": "year", "annual": "year", "annually": "year", "years": "year",
	}
}

// kindWords say which kind of question it is, or bound a column.
func kindWords() map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(`trend trends trending evolve evolved evolution evolves develop developed history timeline time over-time change changed changes changing
		correlation correlate correlated correlates correlations related relationship relation relate affect affects influence influences depend depends association
		distribution distributed histogram spread outlier outliers unusual anomaly anomalies anomalous extreme extremes percentile percentiles quantile quantiles
		share shares percentage percent proportion fraction ratio rate % compare comparison differ differs difference differences
		growth grow grew grows growing grown increase increased decrease decreased movers cumulative running moving rolling pareto
		missing null empty unknown quality completeness complete duplicate duplicates duplicated weekday weekdays seasonality seasonal
		latest newest recent oldest earliest last past previous first since before after until till above over below under exceeding exceed exceeds least at-least
		greater than higher lower bigger smaller larger more less fewer between exactly equal equals = > < containing contains contain mention mentions mentioning mentioned matching including includes include
		except excluding exclude excluded not without never map located together pairs matrix numeric numbers top bottom average typical today yesterday
		rank ranking ranked rankings summary overview summarize statistics stats key figures kpi kpis breakdown per`) {
		all[w] = true
	}
	return all
}

func months() map[string]time.Month {
	out := map[string]time.Month{}
	for m := time.January; m <= time.December; m++ {
		low := strings.ToLower(m.String())
		out[low], out[low[:3]] = m, m
	}
	return out
}

// A span of time that the question names: from is in it, to is not.
type span struct {
	from, to string // YYYY-MM-DD; empty: open
	days     int64  // before the newest row, instead
	grain    string // how fine it was said
}

// moment reads a date, a month with a year, a year, at the word i. It returns how
// many words it took, 0 if there is none.
func moment(words []word, i int) (span, int) {
	w := words[i].text
	if t, err := time.Parse(time.DateOnly, w); err == nil {
		return span{from: w, to: t.AddDate(0, 0, 1).Format(time.DateOnly), grain: "day"}, 1
	}
	if t, err := time.Parse("2006-01", w); err == nil {
		return span{from: w + "-01", to: t.AddDate(0, 1, 0).Format(time.DateOnly), grain: "month"}, 1
	}
	if m, ok := months()[w]; ok && i+1 < len(words) {
		if y, ok := year(words[i+1]); ok {
			from := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
			return span{from: from.Format(time.DateOnly), to: from.AddDate(0, 1, 0).Format(time.DateOnly), grain: "month"}, 2
		}
	}
	if len(w) == 2 && w[0] == 'q' && w[1] >= '1' && w[1] <= '4' && i+1 < len(words) {
		if y, ok := year(words[i+1]); ok {
			from := time.Date(y, time.Month(3*(w[1]-'1')+1), 1, 0, 0, 0, 0, time.UTC)
			return span{from: from.Format(time.DateOnly), to: from.AddDate(0, 3, 0).Format(time.DateOnly), grain: "quarter"}, 2
		}
	}
	if y, ok := year(words[i]); ok {
		return span{from: strconv.Itoa(y) + "-01-01", to: strconv.Itoa(y+1) + "-01-01", grain: "year"}, 1
	}
	return span{}, 0
}

func year(w word) (int, bool) {
	if len(w.text) != 4 || !w.number {
		return 0, false
	}
	y, err := strconv.Atoi(w.text)
	return y, err == nil && y >= 1500 && y <= 2200
}

// smallNumber reads "ten" as well as "10".
func smallNumber(w word) (int64, bool) {
	for i, text := range strings.Fields("zero one two three four five six seven eight nine ten eleven twelve") {
		if w.text == text && i > 0 {
			return int64(i), true
		}
	}
	switch w.text {
	case "twenty":
		return 20, true
	case "fifty":
		return 50, true
	case "hundred":
		return 100, true
	}
	n, err := strconv.ParseInt(w.text, 10, 64)
	return n, err == nil && n > 0
}
