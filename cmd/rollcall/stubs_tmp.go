package main

import (
	"github.com/spf13/cobra"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

func serveCommand(a *app) *cobra.Command    { return &cobra.Command{Use: "serve"} }
func demoCommand(a *app) *cobra.Command     { return &cobra.Command{Use: "demo"} }
func simulateCommand(a *app) *cobra.Command { return &cobra.Command{Use: "simulate"} }
func drift(r state.Run) int                 { return 0 }
func (s *session) printRun(r state.Run) error                          { return nil }
func (s *session) printHeld(h state.HeldPlan, p plan.Plan)             {}
func (s *session) printReport(r dirsync.Report, dry bool)              {}
