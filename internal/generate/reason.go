package generate

import (
	"fmt"
	"math"

	"millwright/internal/generate/template"
	"millwright/internal/program"
)

// finish writes why each program was chosen, gives each its own name and
// returns them in the order in which they were picked.
func finish(s *template.Source, picks []pick) []program.Program {
	names := map[string]int{}
	out := make([]program.Program, 0, len(picks))
	for _, k := range picks {
		p := k.Program
		p.Score = math.Round(k.score*1e4) / 1e4
		p.Reason = reason(s, k)
		if names[p.Name]++; names[p.Name] > 1 {
			p.Name = fmt.Sprintf("%s (%d)", p.Name, names[p.Name])
		}
		out = append(out, p)
	}
	return out
}

// reason lists the conditions that held, what the result showed, the parts of
// the score, and which candidate came second.
func reason(s *template.Source, k pick) []string {
	lines := append([]string(nil), k.Why...)
	lines = append(lines, "signal: "+k.found)
	lines = append(lines, fmt.Sprintf("score %.2f = %.2f × prior %.2f + %.2f × fit %.2f + %.2f × signal %.2f + %.2f × naming %.2f",
		k.score, weightPrior, k.Prior, weightFit, k.Fit, weightSignal, k.signal, weightNaming, k.naming))
	if k.over != nil {
		lines = append(lines, fmt.Sprintf("pick %d, ahead by %.2f of: %s (score %.2f)", k.place, k.overBy, k.over.Program.Cue, k.over.score))
	} else {
		lines = append(lines, fmt.Sprintf("pick %d, without a runner-up", k.place))
	}
	return lines
}
