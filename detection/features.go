package detection

import (
	"math"

	"slips-ips/argusfeed"
)

// Features are what a classifier weighs, by the place of their names in
// FeatureNames. Each is centred so that 0 says nothing or little.
type Features [featureCount]float64

// The features.
const (
	featLength = iota
	featGapSpread
	featGapsKept
	featSizeSpread
	featSizesKept
	featLarge
	featHeld
	featEmpty
	featFailed
	featCompany
	featCrowd
	featPolling
	featInside
	featOddPort
	featMerged
	featureCount
)

// Feature says what a feature is.
type Feature struct {
	// Name is that of its weight in a classifier.
	Name string
	// Sign is what its weight must be: 1 for what can only speak for command
	// and control, -1 for what can only speak against it. So no accident of the
	// data it learns from can turn the meaning of a feature around.
	Sign int
	// Prior is the weight before there is data, and Firm how much data it takes
	// to move it.
	Prior, Firm float64
}

// FeatureList describes the features, in their order.
var FeatureList = [featureCount]Feature{
	featLength:     {"length", 1, 0, 0.5},
	featGapSpread:  {"gap_spread", -1, 0, 0.5},
	featGapsKept:   {"gaps_kept", 1, 0, 0.5},
	featSizeSpread: {"size_spread", -1, 0, 0.5},
	featSizesKept:  {"sizes_kept", 1, 0, 0.5},
	featLarge:      {"large", -1, -1.5, 5},
	featHeld:       {"held", -1, -0.5, 10},
	featEmpty:      {"empty", -1, -2, 2},
	featFailed:     {"failed", 0, 0.3, 10},
	featCompany:    {"company", -1, -0.8, 5},
	featCrowd:      {"crowd", -1, -0.5, 0.5},
	featPolling:    {"polling", -1, -3, 2},
	featInside:     {"inside", -1, -0.6, 10},
	featOddPort:    {"odd_port", 1, 0.7, 40},
	featMerged:     {"merged", -1, -0.3, 5},
}

// The bounds and the middles of the features.
const (
	longest       = 64   // contacts beyond which more of them say nothing new
	largeBytes    = 12e3 // a contact up to this size is no download
	companyLimit  = 5    // doublings of the hosts that talk to the network
	crowdFloor    = 3    // doublings of peers that nearly every host has
	loneFewPeers  = 3.5
	companySpared = 1.6 // three hosts, the source among them, are nothing odd
)

// featuresOf measures a tuple through one of the spans.
func featuresOf(t argusfeed.Tuple, r *Rhythm, level int, company, peers float64) Features {
	var x Features
	x[featLength] = math.Log2(float64(min(r.Contacts, longest))) - 3.5
	x[featGapSpread] = min(r.GapSpread, 0.8) - 0.25
	x[featGapsKept] = r.GapsKept - 0.6
	x[featSizeSpread] = min(r.SizeSpread, 0.6) - 0.2
	x[featSizesKept] = r.SizesKept - 0.6
	x[featLarge] = max(0, math.Log10(max(1, r.Size)/largeBytes))
	x[featHeld] = r.Held
	x[featEmpty] = r.Empty
	x[featFailed] = r.Failed
	x[featCompany] = min(companyLimit, max(0, math.Log2(1+company)-companySpared))
	if oddPort(t) {
		doublings := math.Log2(max(1, peers))
		x[featCrowd] = max(0, doublings-crowdFloor)
		x[featOddPort] = truth(doublings < loneFewPeers)
	}
	x[featPolling] = truth(polling(t))
	x[featInside] = truth(inside(t.Dst))
	x[featMerged] = truth(level > 0)
	return x
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
