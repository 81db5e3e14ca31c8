package api_test

import (
	"fmt"
	"testing"
	"time"

	"millwright/internal/api"
)

func TestALimiterGivesBackWhatTimeBrings(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var l api.Limiter
	for want := 59; want >= 0; want-- {
		if left, wait := l.Take("k", 60, now); left != want || wait != 0 {
			t.Fatalf("got %d left and a wait of %v, want %d and none", left, wait, want)
		}
	}
	for range 3 { // who is refused does not wait longer for having asked
		if left, wait := l.Take("k", 60, now); left != 0 || wait != time.Second {
			t.Fatalf("the 61st: %d left, a wait of %v, want 1s", left, wait)
		}
	}
	if _, wait := l.Take("another", 60, now); wait != 0 {
		t.Errorf("another key waits %v", wait)
	}
	if _, wait := l.Take("k", 60, now.Add(time.Second)); wait != 0 {
		t.Errorf("a second later it waits %v", wait)
	}
	if left, wait := l.Take("k", 60, now.Add(time.Hour)); left != 59 || wait != 0 {
		t.Errorf("an hour later: %d left, a wait of %v", left, wait)
	}
	if left, _ := l.Take("k", 5, now.Add(time.Hour)); left != 4 {
		t.Errorf("with another rate: %d left, want that of the new one", left)
	}
}

func TestALimiterRemembersSoManyKeys(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var l api.Limiter
	busy := func(i int) string { return fmt.Sprint("busy", i) }
	for i := range 100 {
		l.Take(busy(i), 1, now)
	}
	for i := range api.MaxLimited * 2 {
		l.Take(fmt.Sprint(i), 60_000_000, now.Add(time.Duration(i)*time.Microsecond)) // full again at once
	}
	if n := l.Keys(); n > api.MaxLimited {
		t.Errorf("it remembers %d keys, want at most %d", n, api.MaxLimited)
	}
	for i := range 100 {
		if _, wait := l.Take(busy(i), 1, now.Add(time.Second)); wait == 0 {
			t.Fatalf("it forgot %s, which had none left, before those that had", busy(i))
		}
	}
}

func BenchmarkLimiter(b *testing.B) {
	var l api.Limiter
	now := time.Now()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			l.Take("k", 1_000_000, now)
		}
	})
}
