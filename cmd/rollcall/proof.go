package main

import (
	"rollcall/state"
	"rollcall/sync/explain"
)

// proofLines says in plain lines what a run read, and whether it proves that it read everyone.
func proofLines(run *state.Run, report *explain.Report) []string {
	var lines []string
	for _, fact := range report.Facts(run) {
		lines = append(lines, fact.Text)
	}
	if explain.Pulled(run) {
		lines[0] = string(run.Verdict) + ": " + lines[0]
	}
	return lines
}
