package models

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// stfmObjects are the objects of a .stfm file, in order, with what each may be.
var stfmObjects = []struct {
	name string
	fits func(*object) bool
	want string
}{
	{"init vector", func(o *object) bool { return o.kind == aDict || o.kind == anInstance && o.str == vectorClass },
		"a dict or a pykov.Vector"},
	{"matrix", func(o *object) bool { return o.kind == anInstance && o.str != vectorClass },
		"a Matrix or a pykov.Chain"},
	{"letters", func(o *object) bool { return o.kind == aString }, "a string"},
	{"self probability", func(o *object) bool { return o.kind == aNumber || o.kind == aBool }, "a number or False"},
	{"label", func(o *object) bool { return o.kind == aString }, "a string"},
	{"threshold", func(o *object) bool { return o.kind == aNumber }, "a number"},
}

// ImportSTFM reads a .stfm model of slips 0.2 or 0.3.3 (six Python pickles in a
// row); file is its name, for messages and for Model.File. Nothing in it is
// executed: whatever a model does not need is refused by name. Only letters,
// label and threshold decide verdicts and are kept: slips 0.3.3 computes the
// Markov chain anew from the letters at each comparison. The protocol is the
// third field of the label, the class follows from the second. With an error
// the Model is empty. At most MaxFileSize bytes are read.
func ImportSTFM(r io.Reader, file string) (Model, error) {
	data, err := readBounded(r)
	if err != nil {
		return Model{}, fmt.Errorf("read model %s: %w", file, err)
	}
	u := unpickler{data: data}
	var objects [6]*object
	for i, want := range stfmObjects {
		o, err := u.next()
		if err != nil {
			return Model{}, fmt.Errorf("read model %s: object %d of 6 (%s): %w", file, i+1, want.name, err)
		}
		if !want.fits(o) {
			return Model{}, fmt.Errorf("read model %s: object %d of 6 (%s) is %v; it must be %s",
				file, i+1, want.name, o.kind, want.want)
		}
		objects[i] = o
	}
	if u.pos < len(data) {
		return Model{}, fmt.Errorf("read model %s: something follows the sixth object at byte %d", file, u.pos)
	}
	label := objects[4].str
	m := Model{
		Label:     label,
		Class:     labelClass(label),
		Kind:      KindLetters,
		Proto:     LabelField(label, 2),
		Threshold: objects[5].num,
		Letters:   objects[2].str,
		File:      filepath.Base(file),
	}
	var errs []error
	for _, p := range m.problems() {
		errs = append(errs, fmt.Errorf("read model %s: %s: %s", file, p.key, p.text))
	}
	if err := errors.Join(errs...); err != nil {
		return Model{}, err
	}
	return m, nil
}
