package models

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// kind says what an object of a pickle is.
type kind uint8

const (
	aMark kind = iota
	aNone
	aBool
	aNumber
	aString
	aGlobal // a class or function, by name
	aTuple
	aList
	aDict
	anInstance // of a class with a dict in it
	aNumpyType
)

var kindNames = [...]string{"a mark", "None", "a bool", "a number", "a string", "a class or function",
	"a tuple", "a list", "a dict", "an instance", "a numpy type"}

func (k kind) String() string { return kindNames[k] }

// object is one value of a pickle. Of dicts and instances only the kind and the
// class are kept: no verdict depends on what is in them.
type object struct {
	kind   kind
	str    string    // the string; the full name of a global; the class of an instance
	num    float64   // the number; a bool as 0 or 1
	items  []*object // of a tuple
	nested int       // objects it would have if written out, itself included
	big    bool      // a numpy type of big-endian numbers
}

// The globals that .stfm files ask for.
const (
	reconstructor = "copy_reg._reconstructor"
	builtinDict   = "__builtin__.dict"
	matrixClass   = "stf.common.markov_chains.Matrix" // the matrix in 0.3.3
	chainClass    = "pykov.Chain"                     // the matrix in 0.2
	vectorClass   = "pykov.Vector"                    // the init vector in 0.2
	numpyScalar   = "numpy.core.multiarray.scalar"
	numpyDtype    = "numpy.dtype"
)

var knownGlobals = map[string]bool{reconstructor: true, builtinDict: true, matrixClass: true, chainClass: true,
	vectorClass: true, numpyScalar: true, numpyDtype: true}

func refusedCall(name string) error {
	return fmt.Errorf("asks to call %s: refused; no model needs that", quoted(name))
}

var errBomb = fmt.Errorf("stands for more than %d objects, which no model has: refused", mostNested)

// collect makes a tuple (t), a list (l) or a dict (d) of what followed a mark.
func collect(op byte, items []*object) (*object, error) {
	switch op {
	case 't':
		o := &object{kind: aTuple, items: items, nested: 1}
		for _, item := range items {
			if o.nested += item.nested; o.nested > mostNested {
				return nil, errBomb
			}
		}
		return o, nil
	case 'l':
		if len(items) > 0 {
			return nil, errors.New("a list that is not empty, which no model has")
		}
		return &object{kind: aList, nested: 1}, nil
	}
	if len(items)%2 != 0 {
		return nil, errors.New("a dict with a key without value")
	}
	o := &object{kind: aDict, nested: 1}
	for i := 0; i < len(items); i += 2 {
		if err := o.set(items[i], items[i+1]); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// set puts an entry into a dict: a letter or a pair of letters with a number,
// or an attribute.
func (o *object) set(key, value *object) error {
	if o.kind != aDict {
		return fmt.Errorf("sets an entry of %v; models have entries only in dicts", o.kind)
	}
	switch key.kind {
	case aString, aTuple:
	default:
		return fmt.Errorf("a dict with %v as key; models have only strings and tuples there", key.kind)
	}
	switch value.kind {
	case aNumber, aList, aDict, anInstance:
	default:
		return fmt.Errorf("a dict with %v as value; models have only numbers, lists and dicts there", value.kind)
	}
	if o.nested += key.nested + value.nested; o.nested > mostNested {
		return errBomb
	}
	return nil
}

// reduce gives what the call of a function with a tuple of arguments makes, for
// the calls that occur.
func reduce(fn, args *object) (*object, error) {
	if fn.kind != aGlobal {
		return nil, fmt.Errorf("asks to call %v: refused", fn.kind)
	}
	if args.kind != aTuple {
		return nil, fmt.Errorf("asks to call %s with %v; only a tuple is allowed", fn.str, args.kind)
	}
	a := args.items
	switch fn.str {
	case reconstructor: // (class, base class, state of the base class)
		if len(a) == 3 && isGlobal(a[0], matrixClass, chainClass, vectorClass) && isGlobal(a[1], builtinDict) && a[2].kind == aDict {
			return &object{kind: anInstance, str: a[0].str, nested: args.nested + 1}, nil
		}
	case numpyDtype: // (name, align, copy)
		if len(a) == 3 && a[0].kind == aString && a[0].str == "f8" && a[1].kind == aNumber && a[2].kind == aNumber {
			return &object{kind: aNumpyType, nested: args.nested + 1}, nil
		}
		if len(a) > 0 && a[0].kind == aString {
			return nil, fmt.Errorf("a numpy number of type %s; only f8 (float64) is read", quoted(a[0].str))
		}
	case numpyScalar: // (type, bytes)
		if len(a) == 2 && a[0].kind == aNumpyType && a[1].kind == aString && len(a[1].str) == 8 {
			bits := binary.LittleEndian.Uint64([]byte(a[1].str))
			if a[0].big {
				bits = binary.BigEndian.Uint64([]byte(a[1].str))
			}
			return &object{kind: aNumber, num: math.Float64frombits(bits), nested: 1}, nil
		}
	default:
		return nil, refusedCall(fn.str)
	}
	return nil, fmt.Errorf("asks to call %s in a way that no model does: refused", fn.str)
}

// build sets the state of an instance or a numpy type.
func (o *object) build(state *object) error {
	switch {
	case o.kind == anInstance && state.kind == aDict:
		if o.nested += state.nested; o.nested > mostNested {
			return errBomb
		}
		return nil
	case o.kind == aNumpyType && state.kind == aTuple && len(state.items) >= 2 && state.items[1].kind == aString:
		// (version, byte order, ...)
		order := state.items[1].str
		if order != "<" && order != ">" && order != "=" {
			return fmt.Errorf("a numpy type of byte order %s; only <, > and = are read", quoted(order))
		}
		o.big = order == ">"
		return nil
	}
	return fmt.Errorf("sets the state of %v to %v, which no model does: refused", o.kind, state.kind)
}

func isGlobal(o *object, names ...string) bool {
	if o.kind == aGlobal {
		for _, name := range names {
			if o.str == name {
				return true
			}
		}
	}
	return false
}
