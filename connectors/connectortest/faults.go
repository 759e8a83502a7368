package connectortest

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// vocabulary is every kind of error that a connector may end with.
var vocabulary = []error{
	connectors.ErrThrottled, connectors.ErrUnauthorised, connectors.ErrForbidden, connectors.ErrIncomplete,
	connectors.ErrMisconfigured, connectors.ErrSourceLost, connectors.ErrUnreachable, connectors.ErrGone,
}

// end is what a fault may come to.
type end struct {
	as       []error // what it is told as, where it is not got over; of several, what it looks like from here decides
	stays    bool    // one hit is as bad as many: asking again is not what it takes
	contents bool    // it is in the contents of a list of people; other answers it may leave as good as ever
	harmless bool    // it must be got over always
	refuses  bool    // it says that something may not be read
	unseen   string  // why one reading cannot tell it from the truth, and what of the engine stands against it; "" = it can
}

// The rules of the engine that stand against what one reading cannot tell.
const (
	missing  = "who is missing once neither goes nor leaves a group: that takes a second complete reading, and going takes a witness, too"
	behind   = "what a replica says late was true a while ago: nobody is unassigned or gone for one reading, and a push of the meantime wins"
	hintOnly = "hints only hurry a look; the next full pull sees it"
)

var (
	broken      = []error{connectors.ErrIncomplete, connectors.ErrUnreachable} // before a gateway, or behind it
	hollow      = []error{connectors.ErrIncomplete, connectors.ErrForbidden}   // a missing permission, or half an answer
	unreachable = []error{connectors.ErrUnreachable}
	incomplete  = []error{connectors.ErrIncomplete}
	throttled   = []error{connectors.ErrThrottled}
	refused     = []error{connectors.ErrUnauthorised}
)

// ends is what each fault may come to. A fault that is not here fails the matrix.
var ends = map[string]end{
	idpsim.Cut:         {as: unreachable},
	idpsim.CutBody:     {as: broken},
	idpsim.Truncated:   {as: incomplete},
	idpsim.Blank:       {as: incomplete},
	idpsim.HTML502:     {as: unreachable},
	idpsim.SlowDrip:    {harmless: true},
	idpsim.Hang:        {as: unreachable},
	idpsim.ClockSkew:   {harmless: true},
	idpsim.NoType:      {as: incomplete, contents: true}, // within a batch, nothing is lost by it
	idpsim.OtherShape:  {as: hollow, stays: true},
	idpsim.JoinedLinks: {harmless: true},
	idpsim.ForeignLink: {as: incomplete, stays: true, contents: true},
	idpsim.HTML200:     {as: incomplete},
	idpsim.Redirect:    {as: []error{connectors.ErrMisconfigured}, stays: true},

	idpsim.Throttle:       {as: throttled},
	idpsim.ThrottleBare:   {as: throttled},
	idpsim.ThrottleDate:   {as: throttled},
	idpsim.ThrottleDenied: {as: []error{connectors.ErrThrottled, connectors.ErrForbidden}, stays: true, refuses: true},
	idpsim.Concurrency:    {as: throttled},
	idpsim.Unavailable:    {as: unreachable},
	idpsim.GatewayTimeout: {as: unreachable},
	idpsim.ServerError:    {as: unreachable},
	idpsim.BareError:      {as: unreachable},
	idpsim.WordlessError:  {as: unreachable},
	idpsim.Unauthorised:   {as: refused, stays: true},
	idpsim.Challenge:      {as: refused, stays: true},
	idpsim.Forbidden:      {as: []error{connectors.ErrForbidden}, stays: true, refuses: true},

	idpsim.Empty:         {unseen: missing},
	idpsim.LostPage:      {unseen: missing},
	idpsim.LostLink:      {as: incomplete, stays: true, contents: true, unseen: missing},
	idpsim.MissingRows:   {unseen: missing},
	idpsim.Endless:       {as: incomplete, stays: true, contents: true},
	idpsim.Nulls:         {as: hollow, stays: true, contents: true},
	idpsim.Duplicates:    {harmless: true},
	idpsim.Hollow:        {as: incomplete, contents: true}, // for ever, it is an endless page
	idpsim.WrongCount:    {harmless: true},
	idpsim.ItemThrottle:  {as: throttled, contents: true},
	idpsim.ItemLost:      {as: incomplete, stays: true, contents: true},
	idpsim.Ghosts:        {harmless: true},
	idpsim.Stale:         {unseen: behind},
	idpsim.StaleSearch:   {unseen: behind},
	idpsim.ExpiredDelta:  {as: []error{connectors.ErrGone}, stays: true, contents: true},
	idpsim.SyncStateLost: {as: []error{connectors.ErrGone}, stays: true, contents: true},
	idpsim.SilentDelta:   {unseen: hintOnly},
	idpsim.LostRemovals:  {unseen: hintOnly},
	idpsim.MembersObject: {unseen: hintOnly},
}

// waits are how long the faults that take a while take.
var waits = map[string]time.Duration{
	idpsim.SlowDrip: 16 * time.Microsecond, idpsim.Hang: time.Millisecond, idpsim.ClockSkew: 7 * time.Hour,
	idpsim.Throttle: 20 * time.Second, idpsim.ThrottleDate: 20 * time.Second, idpsim.ThrottleDenied: 20 * time.Second, idpsim.Concurrency: 20 * time.Second,
}

// How often a fault hits.
const (
	once       = "once"
	forEver    = "for ever"
	fromSecond = "from the second"
)

var manners = map[string]idpsim.Where{once: {Times: 1}, forEver: {}, fromSecond: {After: 1}}

// verdict says what an error, or none, makes of a fault: what is wrong with that, "" if nothing is.
func (e end) verdict(call Call, manner string, err error) string {
	told := slices.ContainsFunc(e.as, func(kind error) bool { return errors.Is(err, kind) })
	switch {
	case err != nil && call.Optional:
		return "it is done without this answer, and ended with: " + err.Error()
	case err != nil && (e.harmless || manner == once && !e.stays):
		return "not got over: " + err.Error()
	case err != nil && !told:
		return "told as something else: " + err.Error()
	case err == nil && manner != once && len(e.as) > 0 && e.unseen == "" && !e.contents && !call.Optional:
		return "the fault passes for an answer"
	}
	return ""
}

// quiet demands that an error is of the vocabulary, says what was tried, and tells no secret and no names.
func quiet(t testing.TB, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var failure *connectors.Error
	known := false
	for _, kind := range vocabulary {
		known = known || errors.Is(err, kind)
	}
	if !errors.As(err, &failure) || !known || failure.Op == "" {
		t.Errorf("not of the vocabulary: %#v", err)
	}
	for _, said := range []string{err.Error(), connectors.Reason(err)} {
		if strings.Contains(said, Token) || strings.Contains(said, "@") || strings.Contains(said, "\n") || len(said) > 600 {
			t.Errorf("says too much: %s", said)
		}
	}
}
