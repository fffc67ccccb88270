package browser

import (
	_ "embed"
	"fmt"
)

//go:embed checks.js
var checks string

// Barriers gives what is in the way of those who use a keyboard, a screen reader or
// weak eyes: names, labels, headings, tables, lists, ids, contrast as it is computed.
func (b *Browser) Barriers() ([]string, error) { return Evaluate[[]string](b, checks) }

// Axe runs axe-core, whose text is given, and gives what it finds.
func (b *Browser) Axe(text string) ([]string, error) {
	if err := b.evaluateOnly(text); err != nil {
		return nil, err
	}
	return EvaluateLater[[]string](b, `axe.run(document, {resultTypes: ["violations"]}).then((r) =>
		r.violations.map((v) => v.id + " (" + v.impact + "): " + v.help + ": " + v.nodes.map((n) => n.html).join(" | ").slice(0, 400)))`)
}

// Focus is where the keyboard is: what it stands on, and whether that is shown.
type Focus struct {
	Name  string `json:"name"`
	Shown bool   `json:"shown"`
}

// Tab goes on with the keyboard.
func (b *Browser) Tab() (Focus, error) {
	if err := b.Keys("\t"); err != nil {
		return Focus{}, fmt.Errorf("pressing the tabulator: %w", err)
	}
	return Evaluate[Focus](b, `(() => {
		const e = document.activeElement, s = getComputedStyle(e);
		return {name: e === document.body ? "" : e.tagName.toLowerCase() + " " + (e.getAttribute("aria-label") || e.name || e.textContent.trim()).slice(0, 60),
			shown: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2};
	})()`)
}
