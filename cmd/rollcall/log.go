package main

// Keys of log records. No record holds a name, a mail address, a key or a body.
const (
	logError      = "error"
	logSource     = "source"
	logSources    = "sources"
	logVersion    = "version"
	logReceiver   = "receiver"
	logOperations = "operations"
	logConsole    = "console"
	logReason     = "reason"
	logFault      = "fault"
	logFrom       = "from"
	logTo         = "to"
	logBackup     = "backup"

	logDeactivated = "deactivated"
	logLimit       = "limit"
	logWithin      = "within"
	logAccount     = "account"
	logCondition   = "condition"
	logPhase       = "phase"
	logEntries     = "entries"
	logRequests    = "requests"
	logPurged      = "purged"
)
