// Package explain says what can be said of one person or one source from what is kept: a time line of everything that happened to an
// account and why, one sentence on top of it, everything there is about one person as a document for them, and whether a source is
// well. It reads and never writes, asks no provider, and has no clock: the time that something is told at is given.
//
// Nothing is read whole. What is asked for is bounded, the newest first, and says when there is more.
package explain
