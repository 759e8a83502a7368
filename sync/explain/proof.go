package explain

import (
	"fmt"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// Fact is one thing that is known, with a short name for it.
type Fact struct{ Name, Text string }

// Facts says in plain sentences what a run read, and what it proves that it read everyone. The first is called "read".
func (r *Report) Facts(run *state.Run) []Fact {
	p := &r.Proof
	switch {
	case run.Trigger == "person" || run.Trigger == "hint":
		return []Fact{{"read", fmt.Sprintf("nobody else was read than %s who answered", Plural(p.People, "person", "people"))}}
	case !isPull(run):
		return []Fact{{"read", "nothing: it carried out what was planned or done before"}}
	}
	facts := []Fact{{"read", fmt.Sprintf("%s, in %s and %s, by %s",
		Plural(p.People, "person", "people"), Plural(p.Pages, "page"), Plural(p.Groups, "group"), Plural(p.Calls, "call"))}}
	if p.Lost {
		facts = append(facts, Fact{"lost", "The source itself is lost: its application, its consent or its status is gone. Nobody is removed."})
	}
	if len(p.Unreadable) > 0 {
		facts = append(facts, Fact{"unreadable", UnreadableGroups(p)})
	}
	if len(p.Probes) > 0 {
		facts = append(facts, Fact{"permissions", "Permissions that showed: " + strings.Join(p.Probes, ", ") + "."})
	}
	switch {
	case r.Counts.Accounts == 0:
	case r.Known > 0:
		facts = append(facts, Fact{"known", fmt.Sprintf("Of %s recorded, the person of %d was seen.", Plural(r.Counts.Accounts, "account"), r.Known)})
	default:
		facts = append(facts, Fact{"known", "Nobody was seen who has an account."})
	}
	facts = append(facts, Fact{"usual", r.usual()})
	if p.Push != nil {
		facts = append(facts, Fact{"pushes", pushFact(p.Push)})
	}
	return facts
}

// Pulled tells whether a run asked the provider about anybody.
func Pulled(run *state.Run) bool {
	return isPull(run) || run.Trigger == "person" || run.Trigger == "hint"
}

// usual compares a pull with those before it.
func (r *Report) usual() string {
	if r.Usual == 0 {
		return fmt.Sprintf("Fewer than %d complete pulls before it tell what is usual.", plan.FewestPulls)
	}
	return fmt.Sprintf("The complete pulls before it read %s (the median): this is %d %% of that.", Plural(r.Usual, "person", "people"), 100*r.Proof.People/r.Usual)
}

// pushFact says how the provider's own provisioning stood.
func pushFact(p *connectors.Push) string {
	line := "The provider's own pushes: " + p.State
	if !p.Since.IsZero() {
		line += " since " + When(p.Since)
	}
	if !p.Last.IsZero() {
		line += ", last well " + When(p.Last)
	}
	if p.Failing > 0 {
		line += fmt.Sprintf(", %d in error", p.Failing)
	}
	if p.Why != "" {
		return line + ". " + Sentence(p.Why)
	}
	return line + "."
}

// UnreadableGroups says which groups a pull could not read, and what that means.
func UnreadableGroups(p *connectors.Proof) string {
	return fmt.Sprintf("Members of %s could not be read, so that nobody counts as unassigned: %s.", Plural(len(p.Unreadable), "group"), strings.Join(p.Unreadable, ", "))
}
