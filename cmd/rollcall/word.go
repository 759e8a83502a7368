package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
)

// sure has somebody type a word before something that cannot be taken back, unless they said --yes.
func (a *app) sure(yes bool, word, what string) error {
	if yes {
		return nil
	}
	fmt.Fprintln(a.stderr, what)
	if !a.typed(word, "go on") {
		return errors.New("nothing was changed")
	}
	return nil
}

// typed asks on standard error for a word, and tells whether it came. The end of the input is an answer too.
func (a *app) typed(word, purpose string) bool {
	fmt.Fprintf(a.stderr, "Type %s to %s: ", word, purpose)
	line, _ := bufio.NewReader(a.stdin).ReadString('\n')
	return strings.TrimSpace(line) == word
}
