package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func checkCommand(a *app) *cobra.Command {
	var sources []string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Ask the providers whether credentials, permissions and settings will do",
		Long: `Signs in at each source's provider, tries everything that a pull will need, and says for each
whether it works and, if not, what to do at which screen. A note is of something that pulls do
without: it says what is lost, or what had better be otherwise. Nothing is changed anywhere.

Exit code 0 when all is well, 1 when something has to be mended, 2 for usage or configuration.`,
		Example: `  rollcall check
  rollcall check --source acme-entra`,
		Args: wants(),
	}
	a.outputFlag(cmd)
	cmd.Flags().StringArrayVar(&sources, "source", nil, "only the source `NAME`; may be given more than once")
	a.completeSources(cmd)
	cmd.RunE = a.do(func(ctx context.Context, _ []string) error {
		cfg, err := loadConfig(a.configFile)
		if err != nil {
			return err
		}
		return (&session{app: a, cfg: cfg}).check(ctx, sources)
	})
	return cmd
}

// findingView is one line of a check as scripts read it.
type findingView struct {
	Source   string `json:"source"`
	What     string `json:"what"`
	OK       bool   `json:"ok"`
	Optional bool   `json:"optional"`
	Mend     string `json:"mend"`
}

func (s *session) check(ctx context.Context, names []string) error {
	chosen, err := s.pulling(names)
	if err != nil {
		return err
	}
	sources, broken, err := s.runnables(chosen)
	if err != nil {
		return err
	}
	code := exitDone
	if broken != nil {
		code = s.report(broken) // the others are asked all the same
	}
	out := s.newLister("SOURCE", "", "WHAT~", "WHAT TO DO~")
	for _, source := range sources {
		for _, f := range source.Connector.Check(ctx) {
			word := "ok"
			switch {
			case !f.OK && f.Optional:
				word = "note"
			case !f.OK:
				word, code = "MEND", worse(code, exitFailed)
			}
			out.add(findingView{source.Scope.Source, f.What, f.OK, f.Optional, f.Mend}, source.Scope.Source, word, f.What, f.Mend)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	if err := out.end("nothing to check"); err != nil {
		return err
	}
	return exitWith(code)
}
