package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
)

// What the console looks up goes by an index. Sources, tenants and operators are few: all of them may be read.
func TestConsoleLooksGoByIndex(t *testing.T) {
	s := opened(t, filepath.Join(t.TempDir(), "rollcall.db"), Options{})
	err := s.use(t.Context(), func(c *conn) error {
		for _, query := range []string{
			operatorByName, enabledRow, disabledSince, linkOwnerAt, dropLink, dropLinksOf, sessionOf, dropSession, dropSessionsOf, dropOldSessions, inviteByID, invitesOf, deedsAll, deedsOf,
			deedsToBlank, runHeadsAll, runHeadsOf, runPlace, planHeadsAll, planHeadsOf, planPlace, requestHeadsAll, requestHeadsOf, failedHeadsAll, failedHeadsOf,
			requestPlace, whoseRecord, listedRows, markedRecord, markedEntries, keyedByID, keyedByUnique, keyedByForeign, keyedByLink, keyedByMatch, worded,
			undigested, fillFrom, journalToDigest, entryToDigest, recordToDigest, runToDigest, daysSince, wordsOfRecord,
		} {
			plan := planOf(t, c, query)
			for step := range strings.Lines(plan) {
				step = strings.TrimSpace(step)
				few := strings.HasPrefix(step, "SCAN s") || strings.HasPrefix(step, "SCAN t") || step == "SCAN filling" || step == "SCAN runs USING INDEX runs_to_digest" ||
					strings.Contains(step, "VIRTUAL TABLE")
				if strings.HasPrefix(step, "SCAN") && !few || strings.Contains(step, "TEMP B-TREE") {
					t.Errorf("%s\n%s", query, plan)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
