package sync_test

import (
	"context"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// unstamped is a record in which no account was ever found in agreement: whoever plans with it reads and compares everyone.
type unstamped struct{ statetest.Store }

func (u unstamped) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	return u.Store.Index(ctx, scope, func(row state.IndexRow) error {
		row.Stamp = 0
		return yield(row)
	})
}

// counting counts how many accounts are read, not by way of the index.
type counting struct {
	statetest.Store
	reads *int
}

func (c counting) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	*c.reads++
	return c.Store.Record(ctx, scope, kind, id)
}

func (c counting) Find(ctx context.Context, scope state.Scope, kind state.Kind, key state.MatchKey) ([]state.Record, error) {
	*c.reads++
	return c.Store.Find(ctx, scope, kind, key)
}

func (c counting) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	*c.reads++
	return c.Store.Scan(ctx, scope, kind, after, skip, limit, yield)
}

// TestWhatWasRepairedIsNotReadAgain: whoever was created, linked or updated is known to agree from then on, and a run after that reads
// nobody; a push ends it.
func TestWhatWasRepairedIsNotReadAgain(t *testing.T) {
	w := newWorld(t)
	w.pushNew(`{"userName":"ada@acme.example"}`)
	w.pushNew(`{"userName":"alan@acme.example","externalId":"obj-alan"}`)
	w.join("ada", "alan", "grace", "edsger")
	w.soul("alan").values["userPrincipalName"] = "turing@acme.example"
	w.clock.hour()
	want(t, w.hand(), "complete applied", "update alan drift", "link ada matched", "create edsger assigned_missing", "create grace assigned_missing")
	reads := 0
	w.engine.Store = counting{w.store, &reads}
	for _, step := range []struct {
		name  string
		do    func()
		lines []string
		reads int
	}{
		{"a second run", func() {}, []string{"complete in_sync"}, 0},
		{"a title pushed", func() { w.pushTitle("ada", "Countess") }, []string{"complete in_sync"}, 1},
		{"the run after", func() {}, []string{"complete in_sync"}, 0},
		{"a new name at the source", func() { w.soul("grace").values["userPrincipalName"] = "hopper@acme.example" }, []string{"complete applied", "update grace drift"}, 2},
		{"after the repair", func() {}, []string{"complete in_sync"}, 0},
		{"a new name pushed", func() {
			r := w.account("hopper")
			w.push(putOf(r, decode(t, string(r.Resource)).With("userName", scim.StringValue("other@acme.example"))))
		}, []string{"complete applied", "update other drift"}, 2},
		{"after that repair", func() {}, []string{"complete in_sync"}, 0},
	} {
		step.do()
		w.clock.hour()
		reads = 0
		want(t, w.scheduled(), step.lines...)
		if reads != step.reads {
			t.Errorf("%s: %d accounts read, want %d", step.name, reads, step.reads)
		}
	}
}

// TestStampsOnlySpareReading: whatever a mapping writes, and whatever one value does to another, a plan that goes by stamps is the plan
// that comes of reading everyone.
func TestStampsOnlySpareReading(t *testing.T) {
	attributes := []string{"displayName", "mail", "other", "first", "flag", "nick"}
	targets := []string{
		"displayName", "nickName", "name.givenName", `emails[type eq "work"].value`, `emails[type eq "work"].primary`,
		`emails[type eq "home"].value`, `emails[type eq "home"].primary`, `emails[type eq "home"].display`, "externalId", "title",
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		w.source.Mapping = drawMapping(rt, targets, attributes)
		w.join("ada", "alan", "grace")
		w.hand() // another mapping, by hand: scheduled runs may apply
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			for range rapid.IntRange(0, 3).Draw(rt, "changes") {
				s := rapid.SampledFrom(w.dir.souls).Draw(rt, "person")
				name := rapid.SampledFrom(append(attributes, "userPrincipalName")).Draw(rt, "attribute")
				value := rapid.SampledFrom([]string{"True", "False", "a@acme.example", "b@acme.example", "A@acme.example"}).Draw(rt, "value")
				if s.values[name] = value; name == "userPrincipalName" {
					s.values[name] = s.id[len("obj-"):] + value
				} else if rapid.IntRange(0, 4).Draw(rt, "gone") == 0 {
					delete(s.values, name)
				}
			}
			if rapid.Bool().Draw(rt, "push") {
				w.pushEmails(rt)
			}
			w.clock.hour()
			report := w.scheduled()
			w.clock.hour()
			by, without := w.dry(), w.unstamped()
			if !plan.Same(&by.Plan, &without.Plan) || by.Plan.Counts.Agree != without.Plan.Counts.Agree {
				rt.Fatalf("after\n%s\nby the stamps it is\n%s\nand without\n%s", outline(report), outline(by), outline(without))
			}
		}
	})
}

// drawMapping is Entra's default with other rows for some of the targets.
func drawMapping(rt *rapid.T, targets, attributes []string) *mapping.Mapping {
	rows := mapping.Default("entra")[:2]
	for _, target := range targets {
		if rapid.Bool().Draw(rt, target) {
			continue
		}
		source := "[" + rapid.SampledFrom(attributes).Draw(rt, "source of "+target) + "]"
		if path, err := scim.ParsePath(target, scim.DefaultLimits); err == nil && path.Sub == "primary" {
			source = rapid.SampledFrom([]string{`"True"`, `"False"`, `IIF([flag]="True", "True", "False")`}).Draw(rt, "source of "+target)
		}
		rows = append(rows, mapping.Row{
			Target: target, Source: source, Apply: rapid.SampledFrom([]mapping.Apply{mapping.Always, mapping.Always, mapping.Add, mapping.Create}).Draw(rt, "apply "+target),
			Default: rapid.SampledFrom([]string{"", "", "True"}).Draw(rt, "default of "+target),
		})
	}
	m, err := mapping.Compile(rows)
	if err != nil {
		rt.Fatal(err)
	}
	return m
}

// pushEmails replaces somebody's e-mail addresses by push.
func (w *world) pushEmails(rt *rapid.T) {
	found, err := w.store.Find(w.t.Context(), acme, state.KindAccount, state.NewMatchKey(state.MatchLink, rapid.SampledFrom(w.dir.souls).Draw(rt, "pushed").id))
	if err != nil || len(found) != 1 {
		return
	}
	list := ""
	for i, kind := range rapid.SliceOfN(rapid.SampledFrom([]string{"work", "home", "other"}), 0, 3).Draw(rt, "emails") {
		if i > 0 {
			list += ","
		}
		list += fmt.Sprintf(`{"type":%q,"value":"%d@acme.example","primary":%t}`, kind, i, i == 0)
	}
	userName := decode(w.t, string(found[0].Resource)).Get("userName").Text
	w.push(putOf(found[0], decode(w.t, fmt.Sprintf(`{"userName":%q,"emails":[%s]}`, userName, list))))
}

// unstamped is dry by somebody who reads and compares everyone.
func (w *world) unstamped() dirsync.Report {
	w.t.Helper()
	engine := &dirsync.Engine{Reader: unstamped{w.store}, Now: w.clock.Now}
	report, err := engine.RunOnce(w.t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerHand, DryRun: true})
	if err != nil {
		w.t.Fatalf("dry run: %v", err)
	}
	return report
}
