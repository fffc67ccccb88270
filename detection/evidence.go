package detection

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// said is the least weight, in log-odds, of what is worth being told.
const said = 0.25

// evidence gives in words and numbers what spoke for and against a tuple, the
// heaviest first.
func (b *behaviour) evidence(a *assessment) (pro, contra []string) {
	type part struct {
		weight float64
		text   string
	}
	var parts []part
	for i, w := range b.class.weights {
		if weight := w * a.x[i]; math.Abs(weight) >= said {
			parts = append(parts, part{weight, featureText(i, a, weight > 0)})
		}
	}
	if m := a.malicious; m != nil {
		if e := m.model.Behaviour.Evidence; e > 0 {
			parts = append(parts, part{e, "it fits the model " + m.model.Label})
		}
	}
	if m := a.normal; m != nil {
		parts = append(parts, part{-m.model.Behaviour.Evidence, "it fits the model " + m.model.Label})
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(math.Abs(b.weight), math.Abs(a.weight)) })
	for _, p := range parts {
		text := fmt.Sprintf("%s (%+.1f)", p.text, p.weight)
		if p.weight > 0 {
			pro = append(pro, text)
		} else {
			contra = append(contra, text)
		}
	}
	return pro, contra
}

// featureText says what a feature saw. Where a feature can speak for and
// against, pro says which it does.
func featureText(i int, a *assessment, pro bool) string {
	r := &a.rhythm
	quantity := func(much bool) string {
		if much {
			return ""
		}
		return "only "
	}
	percent := func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
	switch i {
	case featLength:
		if pro {
			return fmt.Sprintf("as many as %d contacts", r.Contacts)
		}
		return fmt.Sprintf("only %d contacts", r.Contacts)
	case featGapSpread:
		return "gaps spread by " + quantity(!pro) + percent(r.GapSpread)
	case featGapsKept:
		return quantity(pro) + percent(r.GapsKept) + " of the gaps keep the beat"
	case featSizeSpread:
		return "sizes spread by " + quantity(!pro) + percent(r.SizeSpread)
	case featSizesKept:
		return quantity(pro) + percent(r.SizesKept) + " of the sizes are alike"
	case featLarge:
		return fmt.Sprintf("%.0f bytes a contact are much", r.Size)
	case featHeld:
		return percent(r.Held) + " of the connections last for most of the gap"
	case featEmpty:
		return percent(r.Empty) + " of the connections carry no data"
	case featFailed:
		return percent(r.Failed) + " of the attempts fail"
	case featCompany:
		return fmt.Sprintf("company of about %.0f in that network", a.company)
	case featCrowd:
		return fmt.Sprintf("the source has about %.0f peers on odd ports", a.peers)
	case featPolling:
		return "a service that polls by its nature"
	case featInside:
		return "the destination is inside"
	case featOddPort:
		return "an odd port, and the source has hardly another peer on one"
	case featMerged:
		return "only seen with flows merged over " + time.Duration(spans[a.level]*1000).String()
	}
	return FeatureList[i].Name
}

// roundGap makes seconds readable.
func roundGap(seconds float64) time.Duration {
	d := time.Duration(seconds * float64(time.Second))
	if d > time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
