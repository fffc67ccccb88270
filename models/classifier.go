package models

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/BurntSushi/toml"
)

// Classifier turns what is measured of a tuple into the probability that it is
// command and control: a logistic regression. Each weight is in log-odds for a
// unit of the feature of that name; the features are the business of the
// package detection. It is a value; its map is never changed after loading.
type Classifier struct {
	// Threshold is the smallest probability that is an alert.
	Threshold float64
	// MinContacts is how many contacts a tuple needs before it is judged.
	MinContacts int
	Intercept   float64
	Weights     map[string]float64
	// FalseAlarms and BaseRate say in words what the threshold was chosen for,
	// and for which share of command and control the probability holds.
	FalseAlarms, BaseRate string
	Data, Tool, Licence   string
	Learned               time.Time
}

// classifierFile is Classifier as it lies in a file.
type classifierFile struct {
	Kind        string             `toml:"kind"`
	Licence     string             `toml:"licence"`
	Threshold   float64            `toml:"threshold"`
	MinContacts int                `toml:"min_contacts"`
	Intercept   float64            `toml:"intercept"`
	FalseAlarms string             `toml:"false_alarms"`
	BaseRate    string             `toml:"base_rate"`
	Weights     map[string]float64 `toml:"weights"`
	Provenance  struct {
		Data    string    `toml:"data"`
		Tool    string    `toml:"tool"`
		Learned time.Time `toml:"learned"`
	} `toml:"provenance"`
}

// kindClassifier marks the file of a classifier, which is no model of a set.
const kindClassifier = "classifier"

// ReadClassifier reads what WriteClassifier wrote; file is its name, for
// messages. At most MaxFileSize bytes are read.
func ReadClassifier(r io.Reader, file string) (Classifier, error) {
	fail := func(err error) (Classifier, error) {
		return Classifier{}, fmt.Errorf("read classifier %s: %w", file, err)
	}
	data, err := readBounded(r)
	if err != nil {
		return fail(err)
	}
	if err := checkNesting(data); err != nil {
		return fail(err)
	}
	var f classifierFile
	meta, err := toml.Decode(string(data), &f)
	if err != nil {
		return fail(syntaxError(err))
	}
	if left := meta.Undecoded(); len(left) > 0 {
		return fail(fmt.Errorf("%s is no key of a classifier", quoted(left[0].String())))
	}
	if f.Kind != kindClassifier {
		return fail(fmt.Errorf("kind: %s is not allowed; use %q", quoted(f.Kind), kindClassifier))
	}
	c := Classifier{
		Threshold: f.Threshold, MinContacts: f.MinContacts, Intercept: f.Intercept, Weights: f.Weights,
		FalseAlarms: f.FalseAlarms, BaseRate: f.BaseRate,
		Data: f.Provenance.Data, Tool: f.Provenance.Tool, Licence: f.Licence,
	}
	if !f.Provenance.Learned.IsZero() {
		c.Learned = day(f.Provenance.Learned)
	}
	if err := c.Validate(); err != nil {
		return fail(err)
	}
	return c, nil
}

// Validate says whether the classifier can be used. Which weights there must
// be is not known here.
func (c Classifier) Validate() error {
	var errs []error
	if !(c.Threshold > 0 && c.Threshold <= 1) { // so that NaN is refused
		errs = append(errs, fmt.Errorf("threshold: %v is not allowed; use more than 0, up to 1", c.Threshold))
	}
	if c.MinContacts < minContactsFloor || c.MinContacts > MaxContacts {
		errs = append(errs, fmt.Errorf("min_contacts: %d is not allowed; use %d to %d", c.MinContacts, minContactsFloor, MaxContacts))
	}
	if math.IsNaN(c.Intercept) || math.IsInf(c.Intercept, 0) {
		errs = append(errs, fmt.Errorf("intercept: %v is not allowed; use a finite number", c.Intercept))
	}
	if len(c.Weights) == 0 {
		errs = append(errs, errors.New("weights: are missing"))
	}
	for name, w := range c.Weights {
		if math.IsNaN(w) || math.IsInf(w, 0) {
			errs = append(errs, fmt.Errorf("weights.%s: %v is not allowed; use a finite number", name, w))
		}
	}
	for key, text := range map[string]string{"licence": c.Licence, "provenance.data": c.Data, "provenance.tool": c.Tool,
		"false_alarms": c.FalseAlarms, "base_rate": c.BaseRate} {
		if !plainText(text) {
			errs = append(errs, fmt.Errorf("%s: is not plain text of at most %d bytes", key, MaxText))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

// WriteClassifier writes c so that ReadClassifier gives the same again.
func WriteClassifier(w io.Writer, c Classifier) error {
	if err := c.Validate(); err != nil {
		return fmt.Errorf("write classifier: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("# How likely a tuple is command and control: a logistic regression over what is\n" +
		"# measured of its contacts and of who else talks to its destination. Made by\n" +
		"# `slips-ips models fit`; docs/detection.md explains every weight. Weights are in\n" +
		"# log-odds: what speaks for it is above zero.\n")
	fmt.Fprintf(&b, "kind = %q\nlicence = %s\n", kindClassifier, tomlString(c.Licence))
	fmt.Fprintf(&b, "threshold = %s\nfalse_alarms = %s\nbase_rate = %s\n", number(c.Threshold), tomlString(c.FalseAlarms), tomlString(c.BaseRate))
	fmt.Fprintf(&b, "min_contacts = %d\nintercept = %s\n\n[weights]\n", c.MinContacts, float(c.Intercept))
	for _, name := range slices.Sorted(maps.Keys(c.Weights)) {
		fmt.Fprintf(&b, "%s = %s\n", name, float(c.Weights[name]))
	}
	fmt.Fprintf(&b, "\n[provenance]\ndata = %s\ntool = %s\n", tomlString(c.Data), tomlString(c.Tool))
	if !c.Learned.IsZero() {
		fmt.Fprintf(&b, "learned = %s\n", c.Learned.UTC().Format(time.DateOnly))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write classifier: %w", err)
	}
	return nil
}

// float writes a number so that TOML takes it for a float.
func float(f float64) string {
	s := number(f)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

//go:embed classifier.toml
var classifierTOML embed.FS

var loadClassifier = sync.OnceValues(func() (Classifier, error) {
	f, err := classifierTOML.Open("classifier.toml")
	if err != nil {
		return Classifier{}, err
	}
	return ReadClassifier(f, "classifier.toml")
})

// DefaultClassifier gives the classifier that is built into the program. It fails
// where that was built wrong.
func DefaultClassifier() (Classifier, error) {
	c, err := loadClassifier()
	if err != nil {
		return Classifier{}, fmt.Errorf("reading the classifier built into this program: %w", err)
	}
	return c, nil
}
