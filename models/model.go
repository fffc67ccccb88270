package models

import (
	"net/netip"
	"strings"
	"time"
)

// Kind says which scorer a model is for.
type Kind string

// The kinds of models.
const (
	// KindLetters is for the reference scorer slips-0.3.3: the letters that the
	// model was learned from, and a threshold.
	KindLetters Kind = "letters"
	// KindBehaviour is for the default scorer: limits on what a tuple does.
	KindBehaviour Kind = "behaviour"
)

// Class says what a match means.
type Class string

// The classes of models.
const (
	ClassMalicious Class = "malicious"
	ClassNormal    Class = "normal"
)

// Bounds of what a model may hold. A file beyond them is refused.
const (
	// MaxFileSize is the largest model file, in bytes. The largest of the
	// original has 65 KB.
	MaxFileSize = 512 << 10
	// MaxLetters is the greatest number of letters of a model. The longest of
	// the original has 62,117.
	MaxLetters = 1 << 17
	// MaxLabel is the longest label, in bytes.
	MaxLabel = 128
	// MaxText is the longest text on provenance or licence, in bytes.
	MaxText = 1024
	// MaxNotPorts is the greatest number of excluded ports.
	MaxNotPorts = 256
	// MaxDestinations is the greatest number of networks of a behaviour model.
	MaxDestinations = 64
	// MaxEvidence is the most evidence of a model that is not decisive.
	MaxEvidence = 10
	// MaxContacts is the number of newest contacts of a tuple that the limits
	// of a behaviour model are about; MinContacts cannot ask for more.
	MaxContacts = 32
	// MaxModels is the greatest number of models loaded from a folder.
	MaxModels = 1000
)

// Model is one behaviour that flows can be compared with. It is a value; its
// slices and strings are never changed after loading.
type Model struct {
	// Label names the behaviour: From-Botnet-TCP-HTTP-Zeus.CC-1 is origin,
	// class, protocol, application, name.
	Label string
	Class Class
	Kind  Kind
	// Proto is the protocol that the model is for, as Argus names it; compared
	// without regard to letter case. Empty stands for every protocol of a
	// behaviour model.
	Proto string
	// Threshold is the largest distance that still matches. For letters models
	// distances start at 1, so that a smaller threshold never matches; two
	// models of slips 0.2 have -1. For behaviour models with letters it is how
	// much less likely a letter of the tuple may be than one of the model's own,
	// on average, as a natural logarithm.
	Threshold float64
	// Letters is what the model was learned from; see Alphabet. Behaviour models
	// may have some: a tuple must then have letters that are likely after them.
	Letters string
	// Behaviour holds the limits of a behaviour model; nil for other kinds.
	Behaviour *Behaviour
	// Data, Tool and Learned say where the model comes from; Licence under
	// what terms it may be used. Learned is a day: midnight UTC.
	Data, Tool, Licence string
	Learned             time.Time
	// File is the base name of the file that it was read from: models are
	// compared in the order of these names.
	File string
}

// Behaviour holds the limits of a behaviour model: a tuple matches that keeps
// all of them. A contact is a run of flows of a tuple that follow each other
// closely: what a person would call one visit. Medians and deviations are over
// the newest MaxContacts contacts.
type Behaviour struct {
	// MinContacts is how many contacts a tuple needs before it is judged.
	MinContacts int
	// Merge is the longest gap between the starts of two flows of one contact.
	Merge time.Duration
	// MinGap and MaxGap bound the median gap between the starts of contacts.
	MinGap, MaxGap time.Duration
	// MaxGapSpread is the largest median absolute deviation of the gaps, as a
	// share of their median.
	MaxGapSpread float64
	// MaxSizeSpread is the same for the bytes of the contacts.
	MaxSizeSpread float64
	// MinSize and MaxSize bound the median of the bytes of the contacts; 0: no
	// bound.
	MinSize, MaxSize int
	// Ports are the destination ports that the model is for, all where it is
	// empty; NotPorts are those that it is not for.
	Ports, NotPorts []uint16
	// Destinations are networks that the model is for; empty: all.
	Destinations []netip.Prefix
	// Evidence is what keeping the limits says, in log-odds: for being
	// malicious or, in a normal model, against it. Decisive, which a file says
	// by leaving it out, settles the matter: a detection, or silence. 0 gives
	// the behaviour its name and nothing else.
	Evidence float64
}

// Decisive is the evidence of a behaviour model that needs no other.
const Decisive = 20

// Notes gives what is odd about a valid model, in words, for the admin; nil
// where nothing is.
func (m Model) Notes() []string {
	if m.Kind == KindLetters && m.Threshold < 1 {
		return []string{"never matches: its threshold " + number(m.Threshold) +
			" is below 1, the smallest distance there is"}
	}
	return nil
}

// LabelField gives field n of a label, split at dashes, from 0 (origin); empty
// where the label has fewer.
func LabelField(label string, n int) string {
	for range n {
		_, rest, ok := strings.Cut(label, "-")
		if !ok {
			return ""
		}
		label = rest
	}
	field, _, _ := strings.Cut(label, "-")
	return field
}

// labelClass gives the class that a label claims: its second field decides.
func labelClass(label string) Class {
	if strings.EqualFold(LabelField(label, 1), "normal") {
		return ClassNormal
	}
	return ClassMalicious
}
