package main

import (
	"context"

	"github.com/spf13/cobra"

	"rollcall/sync/explain"
)

func exportCommand(a *app) *cobra.Command {
	var source string
	cmd := &cobra.Command{
		Use:   "export PERSON",
		Short: "Everything kept about one person, as one JSON document, for a data subject request",
		Long: `Prints everything that is kept about one person of one source as one JSON document: the life and
attributes of the account, its groups, the journal, groups joined and left, the pushes that
changed something, those that failed, what runs and held plans have about them, and what is
suspected. Nothing about anybody else is in it: of a group's change, a run or a plan there is
what concerns this person, and a push that names others too stands without its body.

PERSON is a userName, an e-mail address, an external id, an object id at the provider or an
account id, as for 'rollcall explain'. Somebody in several sources is exported from each.`,
		Example: `  rollcall export ada@acme.example > ada.json
  rollcall export ada@acme.example --source acme-entra | jq .journal`,
		Args: wants("PERSON"),
	}
	a.sourceFlag(cmd, &source, "only look in the source `NAME`")
	cmd.RunE = a.withRecord(func(ctx context.Context, s *session, args []string) error {
		subject, err := s.subject(ctx, source, args[0], false)
		if err != nil {
			return err
		}
		document, err := explain.ReadExport(ctx, s.rec, subject, s.now())
		if err != nil {
			return err
		}
		return s.printJSON(document)
	})
	return cmd
}
