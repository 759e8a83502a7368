package sqlite

import "rollcall/state"

const (
	logRequest = `INSERT INTO requests (id, source, changed, at, key_id, method, path, status, detail, body, answer)
		SELECT ?, s.source, 0, ?, ?, ?, ?, ?, ?, ?, ? FROM sources s WHERE s.source = ` + inScope + `ON CONFLICT (id) DO NOTHING`
	trimRequests = `DELETE FROM requests WHERE request IN (SELECT request FROM requests
		WHERE source = ` + inScope + `AND changed = 0 ORDER BY request DESC LIMIT -1 OFFSET ?)`
)

// LogRequest keeps a request with the next commit, or within a second. The oldest beyond 1000 of the source are dropped.
func (s *Store) LogRequest(r state.Request) { s.writer.log(r) }

// soon writes what nobody waits for.
func (t *tx) soon(next load) error {
	scopes := map[state.Scope]bool{}
	for _, r := range next.requests {
		scopes[r.Scope] = true
		if err := t.c.exec(logRequest, r.ID, toMilli(r.At), r.KeyID, r.Method, r.Path, int64(r.Status), r.Detail,
			toBytes(r.Body), toBytes(r.Answer), r.Scope.Source, r.Scope.Tenant); err != nil {
			return err
		}
	}
	for scope := range scopes {
		if err := t.c.exec(trimRequests, scope.Source, scope.Tenant, int64(keepFailed)); err != nil {
			return err
		}
	}
	for hash, at := range next.touches {
		if err := t.writeTouch(hash, at); err != nil {
			return err
		}
	}
	return nil
}
