package main

// Keys of log records. No record holds a name, a mail address, a key or a body.
const (
	logError   = "error"
	logSource  = "source"
	logTenant  = "tenant"
	logWhat    = "what"
	logAddress = "address"
	logSources = "sources"
	logVersion = "version"
	logRun     = "run"
	logOutcome = "outcome"
	logReason  = "reason"
	logFault   = "fault"
)
