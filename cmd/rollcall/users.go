package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

func usersCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "List accounts, see one whole, and lay an operator's hand on it",
		Long: `The accounts on record. Bare 'users' lists them.

PERSON is a userName, an e-mail address, an external id, an object id at the provider or
an account id. If several accounts answer to it, the program names them and does nothing.

Every change by hand takes a --reason, which the journal keeps with your name.`,
		Example: `  rollcall users list --source acme-entra --inactive
  rollcall users show ada@acme.example
  rollcall users deactivate ada@acme.example --reason "laptop stolen, ticket 4711" --pin`,
		Args: wants(),
	}
	list := usersListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(list, usersShowCommand(a))
	cmd.AddCommand(usersLifeCommands(a)...)
	return cmd
}

// userView is an account as scripts read it.
type userView struct {
	ID         state.ID   `json:"id"`
	Tenant     string     `json:"tenant"`
	Source     string     `json:"source"`
	UserName   string     `json:"user_name"`
	Name       string     `json:"name"`
	Active     bool       `json:"active"` // in force: what holds for the application
	Said       bool       `json:"said"`   // as the provider last told
	Staged     bool       `json:"staged"`
	Pinned     bool       `json:"pinned"`
	Protected  bool       `json:"protected"`
	Link       string     `json:"link"` // object id at the provider
	Version    int64      `json:"version"`
	CreatedAt  time.Time  `json:"created_at"`
	ModifiedAt time.Time  `json:"modified_at"`
	DeletedAt  *time.Time `json:"deleted_at"`
}

func newUserView(scope state.Scope, r state.Record) userView {
	return userView{
		ID: r.ID, Tenant: scope.Tenant, Source: scope.Source, UserName: explain.UserName(r.Resource), Name: r.Name,
		Active: r.InForce, Said: r.Said, Staged: r.Staged, Pinned: r.Pinned, Protected: r.Protected, Link: r.Link, Version: r.Version,
		CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, DeletedAt: optional(r.DeletedAt),
	}
}

// state says in a word what an account's life is like.
func (v userView) state() string {
	word := "inactive"
	if v.Active {
		word = "active"
	}
	var marks []string
	switch {
	case v.DeletedAt != nil:
		word = "deleted"
	case v.Staged:
		marks = append(marks, "staged")
	}
	if v.Pinned {
		marks = append(marks, "pinned")
	}
	if v.Protected {
		marks = append(marks, "protected")
	}
	if len(marks) > 0 {
		word += " (" + strings.Join(marks, ", ") + ")"
	}
	return word
}

type usersListFlags struct {
	source                    string
	active, inactive, deleted bool
	limit                     int
}

func usersListCommand(a *app) *cobra.Command {
	var flags usersListFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List accounts",
		Example: `  rollcall users list
  rollcall users list --source acme-entra --inactive
  rollcall users list --output json | jq -r '.[] | select(.pinned) | .user_name'`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &flags.source, "only of the source `NAME`")
	cmd.Flags().BoolVar(&flags.active, "active", false, "only active ones")
	cmd.Flags().BoolVar(&flags.inactive, "inactive", false, "only inactive ones")
	cmd.Flags().BoolVar(&flags.deleted, "deleted", false, "those that the provider deleted; they are kept until removal.purge takes them away, if it is on")
	cmd.Flags().IntVar(&flags.limit, "limit", 0, "list at most `N`; 0 = all")
	cmd.MarkFlagsMutuallyExclusive("active", "inactive", "deleted")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error { return s.listUsers(ctx, flags) })
	return cmd
}

func (s *session) listUsers(ctx context.Context, flags usersListFlags) error {
	if flags.limit < 0 {
		return usagef("--limit must be 0, which is all, or more")
	}
	scopes, err := s.scopes(ctx, flags.source)
	if err != nil {
		return err
	}
	out := s.newLister("USERNAME~", "NAME~", "STATE", "SOURCE", "CHANGED?", "ACCOUNT?")
	for _, scope := range scopes {
		each := func(r state.Record) bool {
			if flags.active && !r.InForce || flags.inactive && r.InForce {
				return true
			}
			v := newUserView(scope, r)
			out.add(v, v.UserName, v.Name, v.state(), v.Source, when(v.ModifiedAt), string(v.ID))
			return flags.limit == 0 || out.n < flags.limit
		}
		if flags.limit > 0 && out.n >= flags.limit {
			break
		}
		if flags.deleted {
			err = s.rec.Tombstones(ctx, scope, func(r state.Record) bool { return r.Kind != state.KindAccount || each(r) })
		} else {
			err = s.rec.Scan(ctx, scope, state.KindAccount, 0, 0, 0, each)
		}
		if err != nil {
			return fmt.Errorf("list accounts of source %s: %w", scope.Source, err)
		}
	}
	return out.end("no accounts")
}

// userDetail is one account whole.
type userDetail struct {
	userView
	Resource json.RawMessage `json:"resource"`
	Groups   []groupRef      `json:"groups"`
	History  []entryView     `json:"history"`
}

type groupRef struct {
	ID   state.ID `json:"id"`
	Name string   `json:"name"`
}

// entryView is one line of the journal.
type entryView struct {
	Number int64           `json:"number"`
	At     time.Time       `json:"at"`
	Verb   state.Verb      `json:"verb"`
	Cause  state.CauseKind `json:"cause"`
	Actor  string          `json:"actor"`
	Run    string          `json:"run,omitempty"`
	Reason string          `json:"reason,omitempty"`
	Note   string          `json:"note,omitempty"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

func usersShowCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "show PERSON",
		Short: "Show one account whole: attributes, groups and everything that happened to it",
		Long: `Shows one account whole. Where there is none, an account that the provider deleted is shown, by
its userName, external id, object id or account id; 'users list --deleted' lists those.`,
		Example: `  rollcall users show ada@acme.example
  rollcall users show 7c6f0c0e-0000-4000-8000-000000000000 --output json`,
		Args: wants("PERSON"),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only look in the source `NAME`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		f, err := s.personEver(ctx, source, args[0])
		if err != nil {
			return err
		}
		d, err := s.userDetail(ctx, f)
		if err != nil {
			return err
		}
		if s.output == "json" {
			return s.printJSON(d)
		}
		s.printUser(d)
		return nil
	})
	return cmd
}

func (s *session) userDetail(ctx context.Context, f found) (userDetail, error) {
	d := userDetail{userView: newUserView(f.scope, f.record), Resource: f.record.Resource, Groups: []groupRef{}, History: []entryView{}}
	groups, err := s.rec.GroupsOf(ctx, f.scope, f.record.ID)
	if err != nil {
		return d, fmt.Errorf("read groups: %w", err)
	}
	for _, g := range groups {
		d.Groups = append(d.Groups, groupRef{g.ID, g.Name})
	}
	entries, err := s.rec.EntriesOf(ctx, f.scope, f.record.ID)
	if err != nil {
		return d, fmt.Errorf("read journal: %w", err)
	}
	for _, e := range entries {
		d.History = append(d.History, entryView{
			Number: e.Number, At: e.At, Verb: e.Verb, Cause: e.Cause.Kind, Actor: e.Cause.Actor, Run: e.Cause.Run,
			Reason: e.Cause.Reason, Note: e.Cause.Note, Before: e.Before, After: e.After,
		})
	}
	return d, nil
}

func (s *session) printUser(d userDetail) {
	line := func(label, value string) { fmt.Fprintf(s.stdout, "%-12s %s\n", label, clean(value)) }
	line("userName", d.UserName)
	line("name", d.Name)
	line("state", d.state())
	if d.Said != d.Active {
		line("", "the provider says "+activeWord(d.Said))
	}
	line("source", d.Source+" (tenant "+d.Tenant+")")
	line("account", string(d.ID))
	if d.Link != "" {
		line("object id", d.Link)
	}
	names := make([]string, len(d.Groups))
	for i, g := range d.Groups {
		names[i] = g.Name
	}
	if len(names) > 0 {
		line("groups", strings.Join(names, ", "))
	}
	fmt.Fprintf(s.stdout, "\n%s\n\nHistory\n", attributeLines(explain.Resource(d.Resource).Fields))
	rows := s.newSheet("  NO", "WHEN", "WHAT", "BY?", "WHY~", "CHANGED~")
	for _, e := range d.History {
		rows.add(fmt.Sprintf("  %d", e.Number), when(e.At), explain.What(e.Verb, e.After), e.by(), e.why(), changedNames(e.After))
	}
	rows.flush()
}

func (e entryView) by() string {
	switch e.Cause {
	case state.CausePush:
		return "push, key " + e.Actor
	case state.CauseOperator:
		return e.Actor
	}
	return string(e.Cause) + ", " + e.Actor
}

func (e entryView) why() string {
	switch {
	case e.Note != "":
		return e.Note
	case e.Reason != "":
		return plan.Reason(e.Reason).Text()
	}
	return "-"
}

// changedNames lists the attributes that a journal entry changed. What was said is not repeated beside what is in force.
func changedNames(after json.RawMessage) string {
	fields := explain.Resource(after).Fields
	inForce := slices.ContainsFunc(fields, func(f scim.Field) bool { return f.Name == "inForce" })
	var names []string
	for _, f := range fields {
		switch {
		case f.Name == "schemas", f.Name == "said" && inForce:
		case f.Name == "inForce":
			names = append(names, "active")
		default:
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// attributeLines prints a resource as people read it: one attribute a line, values as compact JSON unless they are plain text.
func attributeLines(fields []scim.Field) string {
	var lines []string
	for _, f := range fields {
		if f.Name == "schemas" {
			continue
		}
		text := f.Value.Text
		if f.Value.Kind != scim.String {
			text = string(f.Value.AppendJSON(nil))
		}
		lines = append(lines, fmt.Sprintf("%-12s %s", clean(f.Name), clean(text)))
	}
	return strings.Join(lines, "\n")
}

func activeWord(active bool) string {
	if active {
		return "active"
	}
	return "inactive"
}
