package template

import (
	"math"
	"sort"
)

// unevenness returns the Jensen-Shannon distance of the shares from equal
// shares, 0..1, damped for more than 25 groups, where some spread is certain.
func unevenness(xs []float64) float64 {
	var sum float64
	var pos []float64
	for _, x := range known(xs) {
		if x > 0 {
			pos = append(pos, x)
			sum += x
		}
	}
	k := len(pos)
	if k < 2 || sum == 0 {
		return 0
	}
	u, js := 1/float64(k), 0.0
	for _, x := range pos {
		p := x / sum
		m := (p + u) / 2
		js += .5*p*math.Log2(p/m) + .5*u*math.Log2(u/m)
	}
	d := math.Sqrt(math.Max(js, 0))
	if k > 25 {
		d *= 25 / float64(k)
	}
	return clamp(d, 0, 1)
}

// gini returns the concentration of non-negative amounts: 0 all equal, 1 all in one.
func gini(xs []float64) float64 {
	ys := known(xs)
	sort.Float64s(ys)
	var sum, weighted float64
	for i, y := range ys {
		y = math.Max(y, 0)
		sum += y
		weighted += float64(i+1) * y
	}
	n := float64(len(ys))
	if n < 2 || sum == 0 {
		return 0
	}
	return clamp(2*weighted/(n*sum)-(n+1)/n, 0, 1)
}

// kendall returns Mann-Kendall's tau of a series and its two-sided p: whether it rises or falls.
func kendall(series []float64) (tau, p float64) {
	xs := known(series)
	// 400 points decide as well as thousands, and the test is quadratic.
	if step := len(xs)/400 + 1; step > 1 {
		var thin []float64
		for i := 0; i < len(xs); i += step {
			thin = append(thin, xs[i])
		}
		xs = thin
	}
	n := len(xs)
	if n < 4 {
		return 0, 1
	}
	s := 0.0
	ties := map[float64]int{}
	for i, x := range xs {
		ties[x]++
		for _, y := range xs[i+1:] {
			switch {
			case y > x:
				s++
			case y < x:
				s--
			}
		}
	}
	f := float64(n)
	variance := f * (f - 1) * (2*f + 5)
	counts := make([]int, 0, len(ties))
	for _, t := range ties {
		counts = append(counts, t)
	}
	sort.Ints(counts)
	for _, c := range counts {
		t := float64(c)
		variance -= t * (t - 1) * (2*t + 5)
	}
	if variance <= 0 {
		return 0, 1
	}
	z := (math.Abs(s) - 1) / math.Sqrt(variance/18)
	return s / (f * (f - 1) / 2), math.Erfc(math.Max(z, 0) / math.Sqrt2)
}

// movement says how interesting a series is: a trend, or a last change that is
// large for this series.
func movement(series []float64) (s, tau, p, jump float64) {
	tau, p = kendall(series)
	jump = lastChange(series)
	s = .5 * jump
	if p < .05 {
		s = math.Max(s, math.Abs(tau))
	}
	return clamp(s, 0, 1), tau, p, jump
}

// lastChange returns the last full change over the median size of all changes,
// scaled so that six times the usual is 1.
func lastChange(series []float64) float64 {
	xs := known(series)
	if len(xs) < 5 {
		return 0
	}
	// The last period is often cut short, so the change before it is judged.
	var changes []float64
	for i := 1; i < len(xs)-1; i++ {
		changes = append(changes, math.Abs(xs[i]-xs[i-1]))
	}
	last := changes[len(changes)-1]
	m := median(changes)
	if m == 0 {
		return 0
	}
	return clamp(last/m/6, 0, 1)
}

func median(xs []float64) float64 {
	ys := known(xs)
	if len(ys) == 0 {
		return math.NaN()
	}
	sort.Float64s(ys)
	if n := len(ys); n%2 == 0 {
		return (ys[n/2-1] + ys[n/2]) / 2
	}
	return ys[len(ys)/2]
}

// explained returns epsilon squared: the share of the variance of single values
// (sd) that group means explain, corrected for the number of groups.
func explained(means, sizes []float64, sd float64) float64 {
	var n, sum float64
	k := 0.0
	for i, m := range means {
		if math.IsNaN(m) || math.IsNaN(sizes[i]) || sizes[i] <= 0 {
			continue
		}
		n += sizes[i]
		sum += sizes[i] * m
		k++
	}
	if k < 2 || n <= k || sd <= 0 {
		return 0
	}
	grand, between := sum/n, 0.0
	for i, m := range means {
		if !math.IsNaN(m) && sizes[i] > 0 {
			between += sizes[i] * (m - grand) * (m - grand)
		}
	}
	eta := clamp(between/((n-1)*sd*sd), 0, 1)
	return clamp(1-(1-eta)*(n-1)/(n-k), 0, 1)
}

// cramer returns bias-corrected Cramer's V of a contingency table given as
// cells, and the chi-squared test's p (by Wilson and Hilferty's approximation).
func cramer(rows, cols []string, cells []float64) (v, p, n float64) {
	r, c := map[string]float64{}, map[string]float64{}
	for i, x := range cells {
		r[rows[i]] += x
		c[cols[i]] += x
		n += x
	}
	if len(r) < 2 || len(c) < 2 || n == 0 {
		return 0, 1, n
	}
	// chi² = n (Σ observed²/(row·column) - 1) also counts the empty cells.
	chi := 0.0
	for i, x := range cells {
		chi += x * x / (r[rows[i]] * c[cols[i]])
	}
	chi = n * (chi - 1)
	R, C := float64(len(r)), float64(len(c))
	df := (R - 1) * (C - 1)
	phi := math.Max(0, chi/n-df/(n-1))
	rr, cc := R-(R-1)*(R-1)/(n-1), C-(C-1)*(C-1)/(n-1)
	d := math.Min(rr, cc) - 1
	if d <= 0 {
		return 0, 1, n
	}
	return clamp(math.Sqrt(phi/d), 0, 1), chiTail(chi, df), n
}

// chiTail returns the probability of a chi-squared value at least that large.
func chiTail(chi, df float64) float64 {
	if df <= 0 || chi <= 0 {
		return 1
	}
	z := (math.Cbrt(chi/df) - (1 - 2/(9*df))) / math.Sqrt(2/(9*df))
	return .5 * math.Erfc(z/math.Sqrt2)
}

// correlationP returns the two-sided p of a correlation of n pairs, by Fisher's transformation.
func correlationP(r, n float64) float64 {
	if n < 4 || math.Abs(r) >= 1 {
		return 0
	}
	return math.Erfc(math.Abs(math.Atanh(r)) * math.Sqrt(n-3) / math.Sqrt2)
}

// variation returns the standard deviation over the absolute mean.
func variation(xs []float64) float64 {
	m, sd := moments(xs)
	if m == 0 || math.IsNaN(m) {
		return 0
	}
	return sd / math.Abs(m)
}

func moments(xs []float64) (mean, sd float64) {
	ys := known(xs)
	if len(ys) == 0 {
		return math.NaN(), 0
	}
	for _, y := range ys {
		mean += y
	}
	mean /= float64(len(ys))
	for _, y := range ys {
		sd += (y - mean) * (y - mean)
	}
	if len(ys) > 1 {
		sd = math.Sqrt(sd / float64(len(ys)-1))
	}
	return mean, sd
}

func total(xs []float64) float64 {
	sum := 0.0
	for _, x := range known(xs) {
		sum += x
	}
	return sum
}

// topShare returns what share of the total the k largest amounts hold.
func topShare(xs []float64, k int) float64 {
	ys := known(xs)
	sort.Sort(sort.Reverse(sort.Float64Slice(ys)))
	sum, top := 0.0, 0.0
	for i, y := range ys {
		if y < 0 {
			continue
		}
		sum += y
		if i < k {
			top += y
		}
	}
	if sum == 0 {
		return 0
	}
	return top / sum
}
