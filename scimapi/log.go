package scimapi

// Keys of log records. No record holds a name, an address, a key or a body: ids say who is meant.
const (
	logRequest  = "request_id"
	logSource   = "source"
	logTenant   = "tenant"
	logKey      = "key_id"
	logEndpoint = "endpoint"
	logMethod   = "method"
	logStatus   = "status"
	logType     = "scim_type"
	logTook     = "took_seconds"
	logError    = "error"
	logPanic    = "panic"
	logStack    = "stack"
	logReason   = "reason"
	logExpires  = "expires_at"
)
