package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rollcall/connectors"
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
		src, _ := s.cfg.source(source.Scope.Source)
		for _, f := range append(source.Connector.Check(ctx), src.checkMapping(ctx, source.Connector)...) {
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

// checkMapping says what is worth a word of a source's mapping: that it cannot be read from the provider, what of it is left out, and
// that it deactivates nobody.
func (s *sourceConfig) checkMapping(ctx context.Context, connector connectors.Connector) (findings []connectors.Finding) {
	compiled := s.Compiled
	if s.TenantMapping {
		taken, err := tenantMapping(ctx, s, connector)
		finding := connectors.Finding{What: "take the provider's mapping over", OK: err == nil}
		if err != nil {
			finding.Mend = connectors.Mend(err)
		}
		findings = append(findings, finding)
		for _, left := range taken.left {
			findings = append(findings, connectors.Finding{What: "all of the provider's mapping is taken over", Optional: true, Mend: "left out: " + left})
		}
		compiled = taken.compiled
	}
	if compiled != nil && !deactivates(compiled) {
		findings = append(findings, connectors.Finding{
			What: "the mapping deactivates", Optional: true, Mend: "it " + noActiveRow + "; add that row, unless this is meant",
		})
	}
	return findings
}
