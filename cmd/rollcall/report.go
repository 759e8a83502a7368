package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// printReport prints what a run did, or, of a dry run, would do.
func (s *session) printReport(r dirsync.Report, dryRun bool) {
	if r.Unread {
		s.line("%s: nothing was read: %s", r.Run.Scope.Source, sentence(r.Run.Reason))
		return
	}
	s.printSummed(r.Plan, explain.RunSum(r.Run.Verdict, &r.Plan.Counts, &r.Plan.Gate))
	s.printMishaps(r)
	if len(r.Proof.Unreadable) > 0 {
		s.line("%s See 'rollcall check --source %s'.", explain.UnreadableGroups(&r.Proof), r.Run.Scope.Source)
	}
	if r.Run.Verdict != state.VerdictComplete {
		s.line("The pull was not complete: %s", sentence(r.Run.Reason))
	}
	switch applied := appliedOf(r); {
	case dryRun && len(r.Plan.Changes) > 0:
		s.line("Nothing was changed: this was a dry run.")
	case applied > 0:
		s.line("%s applied.", plural(applied, "change"))
	}
	if r.Run.Plan != "" && !dryRun && r.Plan.Counts.Held > 0 {
		s.line("%s. See 'rollcall plans show %s', then approve or discard it.", explain.AwaitingApproval(r.Plan.Counts.Held, r.Plan.Counts.Removals), r.Run.Plan)
	}
}

// shownChanges is how many changes of a plan are printed. Removals come first.
const shownChanges = 1000

func (s *session) printPlan(p plan.Plan) { s.printSummed(p, explain.PlanSum(&p.Counts, &p.Gate)) }

// printSummed prints a plan with a sentence that sums it up.
func (s *session) printSummed(p plan.Plan, sum string) {
	more := len(p.Changes) - shownChanges
	if more > 0 {
		p.Changes = p.Changes[:shownChanges]
	}
	compared := ""
	if n := p.Counts.Groups.Compared; n > 0 {
		compared = ", " + plural(n, "group") + " compared"
	}
	s.line("%s: %s read, %s recorded, %d active, %d in agreement%s",
		p.Source, plural(p.Counts.People, "person", "people"), plural(p.Counts.Accounts, "account"), p.Counts.Active, p.Counts.Agree, compared)
	s.printSections(p)
	s.line("")
	s.line("%s", sum)
	if p.Counts.Notices[plan.Discarded] > 0 {
		s.line("What was discarded is proposed again once the provider says something else about the person. 'rollcall plans list --all' shows the discarded plans.")
	}
	if more > 0 {
		s.line("Only the first %d are shown; --output json shows all.", shownChanges)
	}
}

// printSections prints what is in a plan, line by line.
func (s *session) printSections(p plan.Plan) {
	for _, section := range p.Sections() {
		s.line("")
		s.line("%s", section.Title)
		rows := s.newSheet("", "~", "~")
		for _, l := range section.Lines {
			var below []string
			for _, v := range l.Values {
				below = append(below, valueLines(v, s.width())...)
			}
			rows.addWith(below, "  "+l.What, l.Who, l.Why)
		}
		rows.flush()
	}
}

// line prints a line of words, as many as the terminal needs for it.
func (s *session) line(format string, args ...any) {
	fmt.Fprintln(s.stdout, wrap(clean(fmt.Sprintf(format, args...)), "", s.width()))
}

const valueIndent = "      "

// valueLines says what a change sets: in one line, or, where that is too long for the terminal, before and after in lines of their own.
func valueLines(v plan.Value, columns int) []string {
	label := valueIndent + v.Label + ": "
	if v.Before == "" {
		return fold(label+v.After, valueIndent+"  ", columns)
	}
	whole := label + v.Before + " → " + v.After
	if columns == 0 || displayWidth(clean(whole)) <= columns {
		return []string{whole}
	}
	return append(fold(label+v.Before, valueIndent+"  ", columns), fold(valueIndent+"→ "+v.After, valueIndent+"  ", columns)...)
}

// appliedOf counts the changes that were carried out.
func appliedOf(r dirsync.Report) int {
	n := 0
	for _, result := range r.Results {
		if result.Outcome == dirsync.ChangeApplied {
			n++
		}
	}
	return n
}

// printMishaps lists the changes that were tried and not applied.
func (s *session) printMishaps(r dirsync.Report) { s.printFallen("NOT APPLIED", r.Plan, r.Results) }

// printFallen lists the changes of a plan that were not, or would not be, applied.
func (s *session) printFallen(title string, p plan.Plan, results []dirsync.ChangeResult) {
	rows := s.newSheet("  "+title, "WHO~", "WHY~")
	n := 0
	for _, result := range results {
		if result.Outcome != dirsync.ChangeApplied && result.Change < len(p.Changes) {
			c := p.Changes[result.Change]
			rows.add("  "+c.Action.Text()+" ("+result.Outcome+")", c.Name, result.Detail)
			n++
		}
	}
	if n > 0 {
		rows.flush()
	}
}

// printRun prints one recorded run.
func (s *session) printRun(r state.Run) error {
	report, err := explain.ReadReport(&r)
	if err != nil {
		return err
	}
	line := func(label, value string) { fmt.Fprintf(s.stdout, "%-9s %s\n", label, clean(value)) }
	line("run", r.ID)
	line("source", r.Scope.Source+" (tenant "+r.Scope.Tenant+")")
	line("by", r.Trigger+", "+r.Actor)
	line("started", when(r.StartedAt))
	if r.EndedAt.IsZero() {
		line("outcome", "it runs, or was cut off")
		return nil
	}
	line("took", short(r.EndedAt.Sub(r.StartedAt).Round(time.Millisecond)))
	line("outcome", r.Outcome)
	if r.Reason != "" {
		line("why", r.Reason)
	}
	for i, text := range proofLines(&r, &report) {
		line([]string{"read", ""}[min(i, 1)], text)
	}
	if r.Plan != "" {
		line("held plan", r.Plan)
	}
	fmt.Fprintln(s.stdout)
	rows := s.newSheet("CHANGE", "WHO~", "WHAT~", "WHY~", "BECAME")
	for _, c := range report.Changes {
		rows.add(c.Action.Text(), c.Name, whatOf(c.Change), c.Reason.Text(), c.Became())
	}
	if len(report.Changes) > 0 {
		rows.flush()
	}
	if report.LeftOut > 0 {
		fmt.Fprintf(s.stdout, "and %d more\n", report.LeftOut)
	}
	for _, kind := range slices.Sorted(maps.Keys(report.Counts.Notices)) {
		fmt.Fprintf(s.stdout, "noticed: %s (%d)\n", kind.Text(), report.Counts.Notices[kind])
	}
	return nil
}

// whatOf says what a change alters.
func whatOf(c plan.Change) string {
	if c.Group != nil && len(c.Fields) == 0 {
		return plural(len(c.Group.Members)+c.Group.LeftOut, "member")
	}
	names := make([]string, len(c.Fields))
	for i, f := range c.Fields {
		names[i] = f.Path
	}
	return strings.Join(names, ", ")
}

// sentence ends a text with exactly one period.
func sentence(s string) string { return explain.Sentence(s) }
