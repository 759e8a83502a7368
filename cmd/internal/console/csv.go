package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rollcall/state"
)

// Deeds of taking out what many people's data are.
const (
	deedAccountsExported = "accounts_exported"
	deedGroupsExported   = "groups_exported"
	deedMembersExported  = "members_exported"
)

// csvFile is a file with a row for each of many things, sent while it is read.
type csvFile struct {
	out     *csv.Writer
	control *http.ResponseController
	rows    int
}

// startCSV notes who takes out what, and begins the file (RFC 4180). Nothing is sent if the deed cannot be noted.
func (c *Console) startCSV(w http.ResponseWriter, r *http.Request, name string, deed state.Deed, columns ...string) (*csvFile, error) {
	deed.At, deed.Actor = c.Now().UTC(), visitorOf(r).Name
	if err := c.Store.NoteDeed(r.Context(), deed); err != nil {
		return nil, fmt.Errorf("note that a list is taken out: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", `attachment; filename="`+name+c.Now().UTC().Format("-2006-01-02")+`.csv"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	f := &csvFile{out: csv.NewWriter(w), control: http.NewResponseController(w)}
	f.out.UseCRLF = true
	return f, f.out.Write(columns)
}

const (
	flushedRows = 100         // after so many rows what is ready is sent
	flushTime   = time.Minute // a reader who takes longer for them is left
)

// row writes one. Its error is that nobody reads any more.
func (f *csvFile) row(cells ...string) error {
	for i := range cells {
		cells[i] = csvCell(cells[i])
	}
	if err := f.out.Write(cells); err != nil {
		return err
	}
	if f.rows++; f.rows%flushedRows == 0 {
		_ = f.control.SetWriteDeadline(time.Now().Add(flushTime)) // a server without deadlines needs no new one
		f.out.Flush()
		return f.out.Error()
	}
	return nil
}

// end ends the file. One that could not be read to its end is broken off, so that nobody takes a part for the whole.
func (f *csvFile) end(c *Console, r *http.Request, err error) {
	if f.out.Flush(); err == nil {
		err = f.out.Error()
	}
	if err == nil {
		return
	}
	if r.Context().Err() == nil {
		c.Log.Error("a file was broken off", "path", r.URL.Path, "rows", f.rows, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// csvCell makes a text harmless for a spreadsheet: what would be taken for a formula is made plain text by an apostrophe. So is what
// would begin a cell where another separator than the comma is in use, quotes or not: many countries' spreadsheets split at semicolons.
func csvCell(text string) string {
	var b strings.Builder
	begins := true // a cell, maybe
	for i, r := range text {
		if begins && strings.ContainsRune("=+-@＝＋－＠", r) || i == 0 && strings.ContainsRune("\t\r\n", r) {
			b.WriteByte('\'')
		}
		begins = strings.ContainsRune(";|,\t\r\n", r) || begins && r == '"'
		b.WriteRune(r)
	}
	return b.String()
}
