package state

// Hand is one way in which an operator changes an account's life.
type Hand string

const (
	HandDeactivate Hand = "deactivate"
	HandSuspend    Hand = "suspend" // deactivate and pin in one
	HandReactivate Hand = "reactivate"
	HandPin        Hand = "pin"
	HandUnpin      Hand = "unpin"
	HandProtect    Hand = "protect"
	HandUnprotect  Hand = "unprotect"
)

// Life is what the hand changes of an account as it was read, to be carried out on that version alone. On a pinned account a word on
// whether it is active changes what is in force; on any other it counts until the provider says something else. An unknown hand
// changes nothing.
func (h Hand) Life(account Record) Life {
	life := Life{Base: account.Version}
	switch h {
	case HandDeactivate, HandReactivate:
		active := h == HandReactivate
		if account.Pinned {
			life.InForce = &active
		} else {
			life.Said = &active
		}
	case HandSuspend:
		life.InForce = new(false)
		if !account.Pinned {
			life.Pinned = new(true)
		}
	case HandPin, HandUnpin:
		life.Pinned = new(h == HandPin)
	case HandProtect, HandUnprotect:
		life.Protected = new(h == HandProtect)
	}
	return life
}
