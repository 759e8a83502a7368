// Package sqlite keeps the record in one SQLite file (modernc.org/sqlite, no cgo). It passes state/statetest.
//
// # Reading
//
// Reader holds a few connections, each with its statements prepared, beneath database/sql, whose cancellable contexts would cost
// more than the look-up itself. A context is looked at between rows and batches. No connection is held while a callback runs, so a
// callback may read and write as it likes. A Reader cannot write: its connections refuse to.
//
// # Writing
//
// A Store has one goroutine that writes, from Open to Close. All mutations that wait for it share a transaction, each all or
// nothing, and are answered once the commit is on disk (synchronous=FULL); while it commits, the next ones gather. A mutation checks
// everything before it writes anything, so that one that is refused has left nothing and needs no savepoint; should that prove wrong,
// the transaction is rolled back and carried out once more, with savepoints. Bulk work goes a slice at a time, at
// most 100 changes or 10 ms, and pauses 2 ms between its transactions, outside the lock: SQLite's lock is not fair, and without the
// pause a second process would wait for as long as the bulk work lasts. A write lock that another process holds is asked for again
// every millisecond or so, for the same reason. A transaction that changes nothing writes nothing.
//
// # Looking
//
// A list of many sources is woven from one walk along an index per source. What is asked for by name goes on behind a record and its
// version, and finds out from the journal what it was called then. Words are looked for in an FTS5 index that follows the journal a moment
// behind, as bulk work, so that no change has to wait for it; what it finds is looked at once more in the record.
//
// # Several processes
//
// Any number of processes may have the file open. Each sees what the others have committed, at once: nothing is cached between
// transactions. Schema changes need the file for themselves.
package sqlite
