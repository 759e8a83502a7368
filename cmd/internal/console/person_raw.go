package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

// scimTime is an instant as SCIM writes it (RFC 7643 §2.3.5).
const scimTime = "2006-01-02T15:04:05.000Z"

// personRaw shows an account as SCIM reads it: with what the provider last said, its groups and its meta.
func (c *Console) personRaw(w http.ResponseWriter, r *http.Request, s *explain.Subject) error {
	if s.Record.ID == "" {
		return problem{http.StatusNotFound, "There is no resource any more", "The account was purged; what happened to it stands on its page."}
	}
	groups, err := c.Store.GroupsOf(r.Context(), s.Scope, s.Record.ID)
	if err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	list := make([]scim.Value, len(groups))
	for i, g := range groups {
		list[i] = c.scimRef(g, "direct")
	}
	text, err := c.scimJSON(&s.Record, c.Users(), "groups", list)
	if err != nil {
		return err
	}
	sendJSON(w, text)
	return nil
}

// scimJSON is a record as SCIM shows it, with broken lines. It lacks what is never shown to anybody, such as an extension's secrets.
func (c *Console) scimJSON(r *state.Record, rt *scim.ResourceType, related string, list []scim.Value) ([]byte, error) {
	v := scim.ObjectOf(append([]scim.Field{{Name: "id", Value: scim.StringValue(string(r.ID))}}, resourceOf(r.Resource).Fields...)...)
	if r.Kind == state.KindAccount {
		v = v.With("active", scim.BoolValue(r.Said))
	}
	text := scim.StringValue
	v = v.With("meta", scim.ObjectOf(
		scim.Field{Name: "resourceType", Value: text(rt.Name)},
		scim.Field{Name: "created", Value: text(r.CreatedAt.UTC().Format(scimTime))},
		scim.Field{Name: "lastModified", Value: text(r.ModifiedAt.UTC().Format(scimTime))},
		scim.Field{Name: "location", Value: text(c.ReceiverURL + rt.Endpoint + "/" + string(r.ID))},
		scim.Field{Name: "version", Value: text(`W/"` + strconv.FormatInt(r.Version, 10) + `"`)}))
	if len(list) > 0 {
		v = v.With(related, scim.ListOf(list...))
	}
	var out bytes.Buffer
	if err := json.Indent(&out, rt.Project(v, everything).AppendJSON(nil), "", "  "); err != nil {
		return nil, fmt.Errorf("write resource %s: %w", r.ID, err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// scimRef is a member of a group, or a group of a user.
func (c *Console) scimRef(ref state.Ref, kind string) scim.Value {
	endpoint := c.Users().Endpoint
	if ref.Kind == state.KindGroup {
		endpoint = scim.GroupType().Endpoint
	}
	v := scim.ObjectOf(scim.Field{Name: "value", Value: scim.StringValue(string(ref.ID))})
	if ref.Name != "" {
		v = v.With("display", scim.StringValue(ref.Name))
	}
	return v.With("type", scim.StringValue(kind)).With("$ref", scim.StringValue(c.ReceiverURL+endpoint+"/"+string(ref.ID)))
}

// sendJSON answers with a document that holds people's data.
func sendJSON(w http.ResponseWriter, text []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = io.Copy(w, bytes.NewReader(text))
}

// exactTime is a time for machines; "" for none.
func exactTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
