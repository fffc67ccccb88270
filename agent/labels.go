package agent

import (
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/models/train"
	"slips-ips/policy"
)

// LabelScore compares what was detected with the label column of the input.
// A tuple counts when it has at least ten flows. What its labels say is read as
// for models eval: malicious when any says so, benign when one says normal or
// benign and none malicious.
type LabelScore struct {
	// Malicious and Benign count tuples; Detected of them were detected at
	// least once, Blocked would have been blocked. Unlabelled have no label, or
	// one that says neither (Background).
	Malicious         int `json:"malicious"`
	MaliciousDetected int `json:"malicious_detected"`
	MaliciousBlocked  int `json:"malicious_blocked"`
	Benign            int `json:"benign"`
	BenignDetected    int `json:"benign_detected"`
	BenignBlocked     int `json:"benign_blocked"`
	Unlabelled        int `json:"unlabelled"`
}

// labelFlows is how many flows a tuple needs to count.
const labelFlows = 10

// maxLabelled bounds what the book remembers.
const maxLabelled = 4_000_000

// labelBook notes the labels of tuples. It stays empty where nobody asked.
type labelBook struct {
	on     bool
	tuples map[argusfeed.Tuple]labelled
}

type labelled struct {
	flows             int
	malicious, benign bool
}

func (b *labelBook) note(f *argusfeed.Flow) {
	if !b.on {
		return
	}
	l, known := b.tuples[f.Tuple]
	if !known && len(b.tuples) >= maxLabelled {
		return
	}
	l.flows++
	switch train.ClassOf(f.Label) {
	case train.CC, train.Candidate, train.Other:
		l.malicious = true
	case train.Benign:
		l.benign = true
	}
	b.tuples[f.Tuple] = l
}

func (b *labelBook) score(detected map[argusfeed.Tuple]*DetectedTuple, decided *whatif.Trials) *LabelScore {
	if !b.on {
		return nil
	}
	s := &LabelScore{}
	for tuple, l := range b.tuples {
		if l.flows < labelFlows {
			continue
		}
		if !l.malicious && !l.benign {
			s.Unlabelled++
			continue
		}
		all, found, blocked := &s.Benign, &s.BenignDetected, &s.BenignBlocked
		if l.malicious {
			all, found, blocked = &s.Malicious, &s.MaliciousDetected, &s.MaliciousBlocked
		}
		*all++
		if detected[tuple] != nil {
			*found++
		}
		if decided.Of(tuple).Strongest.Action == policy.ActionBlock {
			*blocked++
		}
	}
	return s
}
