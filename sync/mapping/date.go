package mapping

import "time"

// parseDate stub
func parseDate(s string) (time.Time, bool) { return time.Time{}, false }
