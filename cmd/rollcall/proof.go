package main

import (
	"fmt"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// proofLines says in plain lines what a run read, and whether it proves that it read everyone.
func proofLines(r state.Run, report dirsync.RunReport) []string {
	p := report.Proof
	switch {
	case r.Trigger == dirsync.TriggerPerson || r.Trigger == dirsync.TriggerHint:
		return []string{fmt.Sprintf("%s: nobody else was read than %s who answered", r.Verdict, plural(p.People, "person", "people"))}
	case !dirsync.IsPull(r):
		return []string{"nothing: it carried out what was planned or done before"}
	}
	lines := []string{fmt.Sprintf("%s: %s, in %s and %s, by %s", r.Verdict,
		plural(p.People, "person", "people"), plural(p.Pages, "page"), plural(p.Groups, "group"), plural(p.Calls, "call"))}
	if p.Lost {
		lines = append(lines, "The source itself is lost: its application, its consent or its status is gone. Nobody is removed.")
	}
	if len(p.Unreadable) > 0 {
		lines = append(lines, unreadableGroups(&p))
	}
	if len(p.Probes) > 0 {
		lines = append(lines, "Permissions that showed: "+strings.Join(p.Probes, ", ")+".")
	}
	switch {
	case report.Counts.Accounts == 0:
	case report.Known > 0:
		lines = append(lines, fmt.Sprintf("Of %s recorded, the person of %d was seen.", plural(report.Counts.Accounts, "account"), report.Known))
	default:
		lines = append(lines, "Nobody was seen who has an account.")
	}
	lines = append(lines, usualLine(p, report.Usual))
	if p.Push != nil {
		lines = append(lines, pushLine(p.Push))
	}
	return lines
}

// usualLine compares a pull with those before it.
func usualLine(p connectors.Proof, usual int) string {
	if usual == 0 {
		return fmt.Sprintf("Fewer than %d complete pulls before it tell what is usual.", plan.FewestPulls)
	}
	return fmt.Sprintf("The complete pulls before it read %s (the median): this is %d %% of that.", plural(usual, "person", "people"), 100*p.People/usual)
}

// pushLine says how the provider's own provisioning stood.
func pushLine(p *connectors.Push) string {
	line := "The provider's own pushes: " + p.State
	if !p.Since.IsZero() {
		line += " since " + when(p.Since)
	}
	if !p.Last.IsZero() {
		line += ", last well " + when(p.Last)
	}
	if p.Failing > 0 {
		line += fmt.Sprintf(", %d in error", p.Failing)
	}
	if p.Why != "" {
		return line + ". " + sentence(p.Why)
	}
	return line + "."
}

// unreadableGroups says which groups a pull could not read, and what that means.
func unreadableGroups(p *connectors.Proof) string {
	return fmt.Sprintf("Members of %s could not be read, so that nobody counts as unassigned: %s.", plural(len(p.Unreadable), "group"), strings.Join(p.Unreadable, ", "))
}
