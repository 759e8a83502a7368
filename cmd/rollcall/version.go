package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is stamped by the linker.
var version string

// versionView is what `version` prints.
type versionView struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

// programVersion returns the stamped version; without a stamp, what the Go toolchain noted about the build.
func programVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	return "development build"
}

func versionCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: `  rollcall version --output json`,
		Args:    wants(),
	}
	a.outputFlag(cmd)
	cmd.RunE = a.do(func(context.Context, []string) error {
		v := versionView{programVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
		if a.output == "json" {
			return a.printJSON(v)
		}
		_, err := fmt.Fprintf(a.stdout, "rollcall %s (%s, %s/%s)\n", v.Version, v.Go, v.OS, v.Arch)
		return err
	})
	return cmd
}
