package rest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/connectors"
)

// Pull is what every connector's pull keeps on its way: whom it hands people to, and the proof. Make it with StartPull.
type Pull struct {
	Proof   connectors.Proof
	tally   *Tally
	page    func([]connectors.Person) error
	refused error
}

// StartPull begins a pull that hands people to page. Calls under the context it returns are the pull's.
func StartPull(ctx context.Context, page func([]connectors.Person) error) (context.Context, *Pull) {
	ctx, tally := WithTally(ctx)
	return ctx, &Pull{tally: tally, page: page}
}

// Pass hands people on, and counts them and their page. Its error is the caller's own.
func (p *Pull) Pass(people []connectors.Person) error {
	p.Proof.Pages++
	if len(people) == 0 {
		return nil
	}
	p.Proof.People += len(people)
	p.refused = p.page(people)
	return p.refused
}

// Refused tells whether the caller has ended the pull.
func (p *Pull) Refused() bool { return p.refused != nil }

// Probe notes that the permission of a step has been shown to be there.
func (p *Pull) Probe(s Step) {
	if !slices.Contains(p.Proof.Probes, s.Permission) {
		p.Proof.Probes = append(p.Proof.Probes, s.Permission)
	}
}

// End finishes the proof of a pull that ended with err, and returns what the pull returns.
func (p *Pull) End(err error) (connectors.Proof, error) {
	if p.refused != nil {
		err = p.refused
	}
	p.Proof.Calls = p.tally.Calls()
	p.Proof.Complete = err == nil
	p.Proof.Reason = connectors.Reason(err)
	p.Proof.Lost = errors.Is(err, connectors.ErrSourceLost)
	return p.Proof, err
}

const (
	emptyPages = 100     // in a row; a few are legal
	mostPages  = 100_000 // of one listing
)

// Listing watches over the pages of one listing, so that it ends. The zero Listing is at its first page.
type Listing struct {
	seen         map[string]bool
	pages, empty int
}

// Next is called after each page that has a link to another: with a word that tells the page from others, "" of an empty one, and the
// link. A page or a link that comes again, or no end of empty pages, is an error.
func (l *Listing) Next(first, link string) error {
	switch {
	case first != "" && l.again("page "+first):
		return errors.New("the same page came twice")
	case l.again("link " + link):
		return errors.New("the link to the next page leads back")
	}
	l.pages++
	if l.empty++; first != "" {
		l.empty = 0
	}
	if l.empty > emptyPages || l.pages >= mostPages {
		return fmt.Errorf("the listing does not end: %d pages, the last %d empty", l.pages, l.empty)
	}
	return nil
}

func (l *Listing) again(word string) bool {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	again := l.seen[word]
	l.seen[word] = true
	return again
}
