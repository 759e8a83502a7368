package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func configCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration, or describe its shape",
		Long: `Reads the configuration and reports every fault at once, each with file, line and column,
the setting's path, what is wrong and the mend. Bare 'config' validates.`,
		Example: `  rollcall config validate --config rollcall.yaml
  rollcall config schema > rollcall.schema.json`,
		Args: wants(),
	}
	validate := &cobra.Command{
		Use:   "validate",
		Short: "Check the whole configuration, secrets included; exit code 2 if anything is wrong",
		Long: `Checks the whole configuration, and that every secret it refers to can be read. Nothing is
contacted: 'rollcall check' does that. Faults go to standard error, one a line, by position; so
do warnings, which change no exit code.`,
		Example: `  rollcall config validate
  rollcall config validate --config /etc/rollcall/rollcall.yaml`,
		Args: wants(),
		RunE: a.do(func(context.Context, []string) error { return a.validateConfig() }),
	}
	schema := &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the configuration, for editors",
		Long: `Prints a JSON Schema (2020-12) of the configuration file. It knows names, types and ranges;
'config validate' knows more.`,
		Example: `  rollcall config schema > rollcall.schema.json`,
		Args:    wants(),
		RunE:    a.do(func(context.Context, []string) error { return a.printJSON(configSchema()) }),
	}
	cmd.RunE = validate.RunE
	cmd.AddCommand(validate, schema)
	return cmd
}

func (a *app) validateConfig() error {
	cfg, err := loadConfig(a.configFile)
	if err != nil {
		return err
	}
	var unreadable faults
	var found fault
	if _, err := cfg.tokenSecret(a.env); errors.As(err, &found) {
		unreadable = append(unreadable, found)
	}
	if _, err := cfg.alarmURL(a.env); errors.As(err, &found) {
		unreadable = append(unreadable, found)
	}
	if err := cfg.consoleSecret(a.env); errors.As(err, &found) {
		unreadable = append(unreadable, found)
	}
	for i := range cfg.Sources {
		unreadable = append(unreadable, cfg.Sources[i].secretFaults(a.env)...)
	}
	if len(unreadable) > 0 {
		return unreadable.sorted()
	}
	for _, w := range cfg.warnings() {
		fmt.Fprintln(a.stderr, "warning: "+w.Error())
	}
	fmt.Fprintf(a.stdout, "%s is right: %s\n", a.configFile, plural(len(cfg.Sources), "source"))
	return nil
}

// configSchema describes the configuration file in JSON Schema.
func configSchema() map[string]any {
	var includes []string
	c := defaultConfig("")
	schema := configShape(&c, &includes, "").schema
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Rollcall configuration"
	return schema
}
