package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollcall/state"
)

func groupsCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "groups",
		Short: "List groups and their members",
		Long:  `The groups on record, as the providers pushed them. Bare 'groups' lists them.`,
		Example: `  rollcall groups list --source acme-entra
  rollcall groups show Engineering`,
		Args: wants(),
	}
	list := groupsListCommand(a)
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.RunE = list.RunE
	cmd.AddCommand(list, groupsShowCommand(a))
	return cmd
}

// groupView is a group as scripts read it.
type groupView struct {
	ID         state.ID  `json:"id"`
	Tenant     string    `json:"tenant"`
	Source     string    `json:"source"`
	Name       string    `json:"name"`
	Members    int       `json:"members"`
	Version    int64     `json:"version"`
	CreatedAt  time.Time `json:"created_at"`
	ModifiedAt time.Time `json:"modified_at"`
}

func (s *session) groupView(ctx context.Context, scope state.Scope, r state.Record) (groupView, error) {
	v := groupView{ID: r.ID, Tenant: scope.Tenant, Source: scope.Source, Name: r.Name, Version: r.Version, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt}
	err := s.rec.Members(ctx, scope, r.ID, func(state.Ref) bool { v.Members++; return true })
	return v, err
}

func groupsListCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List groups",
		Example: `  rollcall groups list
  rollcall groups list --source globex-okta --output json`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only of the source `NAME`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, _ []string) error {
		scopes, err := s.scopes(ctx, source)
		if err != nil {
			return err
		}
		out := s.newLister("NAME~", "MEMBERS", "SOURCE", "CHANGED?", "GROUP?")
		for _, scope := range scopes {
			var groups []state.Record
			err := s.rec.Scan(ctx, scope, state.KindGroup, 0, 0, 0, func(r state.Record) bool {
				groups = append(groups, r)
				return true
			})
			if err != nil {
				return fmt.Errorf("list groups of source %s: %w", scope.Source, err)
			}
			for _, g := range groups {
				v, err := s.groupView(ctx, scope, g)
				if errors.Is(err, state.ErrNotFound) {
					continue // gone since it was listed
				}
				if err != nil {
					return fmt.Errorf("count members of group %s: %w", g.ID, err)
				}
				out.add(v, v.Name, fmt.Sprint(v.Members), v.Source, when(v.ModifiedAt), string(v.ID))
			}
		}
		return out.end("no groups")
	})
	return cmd
}

// memberView is one member of a group.
type memberView struct {
	ID   state.ID `json:"id"`
	Type string   `json:"type"` // "User" or "Group"
	Name string   `json:"name"`
}

// groupDetail is one group whole.
type groupDetail struct {
	groupView
	Resource json.RawMessage `json:"resource"`
	List     []memberView    `json:"member_list"`
}

func groupsShowCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "show GROUP",
		Short: "Show one group and its members",
		Long:  `GROUP is a display name, an external id or a group id.`,
		Example: `  rollcall groups show Engineering
  rollcall groups show Engineering --source acme-entra --output json`,
		Args: wants("GROUP"),
	}
	a.outputFlag(cmd)
	a.sourceFlag(cmd, &source, "only look in the source `NAME`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		f, err := s.group(ctx, source, args[0])
		if err != nil {
			return err
		}
		d := groupDetail{Resource: f.record.Resource, List: []memberView{}}
		if d.groupView, err = s.groupView(ctx, f.scope, f.record); err != nil {
			return fmt.Errorf("count members: %w", err)
		}
		err = s.rec.Members(ctx, f.scope, f.record.ID, func(m state.Ref) bool {
			d.List = append(d.List, memberView{m.ID, m.Kind.String(), m.Name})
			return true
		})
		if err != nil {
			return fmt.Errorf("read members: %w", err)
		}
		if s.output == "json" {
			return s.printJSON(d)
		}
		fmt.Fprintf(s.stdout, "%s\nsource %s (tenant %s), group %s, %s, changed %s\n\n",
			clean(d.Name), d.Source, d.Tenant, d.ID, plural(d.Members, "member"), when(d.ModifiedAt))
		rows := s.newSheet("MEMBER~", "TYPE", "ID?")
		for _, m := range d.List {
			rows.add(m.Name, m.Type, string(m.ID))
		}
		rows.flush()
		return nil
	})
	return cmd
}

// group finds the group that someone means.
func (s *session) group(ctx context.Context, source, which string) (found, error) {
	scopes, err := s.scopes(ctx, source)
	if err != nil {
		return found{}, err
	}
	var all []found
	for _, scope := range scopes {
		for _, name := range []state.MatchName{state.MatchID, state.MatchDisplayName, state.MatchExternalID} {
			records, err := s.rec.Find(ctx, scope, state.KindGroup, state.NewMatchKey(name, which))
			if err != nil {
				return found{}, fmt.Errorf("look up in source %s: %w", scope.Source, err)
			}
			for _, r := range records {
				all = append(all, found{scope, r})
			}
		}
	}
	all = distinct(all)
	switch len(all) {
	case 0:
		return found{}, fmt.Errorf("no group has %q as its display name, external id or id; 'rollcall groups list' shows all", which)
	case 1:
		return all[0], nil
	}
	lines := make([]string, len(all))
	for i, f := range all {
		lines[i] = fmt.Sprintf("  %s  %s  %s", f.record.ID, clean(f.record.Name), f.scope.Source)
	}
	return found{}, usagef("%d groups answer to %q; name one by its id, or narrow it down with --source:\n%s", len(all), which, strings.Join(lines, "\n"))
}

// distinct keeps each record once.
func distinct(all []found) []found {
	seen := map[state.ID]bool{}
	out := all[:0]
	for _, f := range all {
		if !seen[f.record.ID] {
			seen[f.record.ID] = true
			out = append(out, f)
		}
	}
	return out
}
