// Package history keeps what happened: detections, decisions, blocks and their
// ends, episodes of the feeds and what admins changed, in one SQLite file.
//
// A Store has one writer, a goroutine that takes events from a bounded queue in
// memory and puts them on the disk in batches, and several readers. Record and
// Detected only put something into memory: no disk, however slow or full, holds
// the pipeline back. While nothing can be written, events wait; what finds no
// place is counted. Readers never wait for the writer nor it for them (SQLite's
// write-ahead log, WAL), but for the moment in which a log that has grown too
// long is emptied.
//
// Events are rows in the order of their time, so that the newest ones are at an
// end. What is searched is kept apart from the bulk, which is JSON: a search
// without an index of its own walks over 150 bytes an event. Decisions that say
// the same as the one before are no events; Detected counts them, a row for each
// episode of a tuple and a label.
//
// A commit is not forced to the disk by itself (synchronous=NORMAL): what was
// committed survives the end of the process, kill -9 included, and the file is
// sound after a loss of power, but the newest commits may then be missing. The
// other way costs a flush of the disk for each batch, on routers with flash.
package history
