// Package train learns models and classifiers from labelled flows and measures
// how well they do on flows they have not seen.
//
// It stands on top of detection: what is learned from is what the default
// scorer measures of each tuple, contact by contact, and what is measured is
// the same scorer. It reads files and writes none; nothing here is used by a
// running agent.
package train
