package models

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// A .stfm file is a row of Python pickles. A pickle is a program for a stack
// machine that can call any function of Python; this one knows only the
// opcodes of protocol 0 that occur in .stfm files (MARK STOP FLOAT INT NONE
// STRING REDUCE BUILD GLOBAL GET PUT DICT LIST TUPLE SETITEM) and the calls of
// reduce and build, which make values and run nothing. Everything else is
// refused by name. kisielk/og-rek, which also only builds values, has no BUILD
// and no bounds; tests compare the two.

// Bounds of one file, far above what a model needs: with all 46 letters in all
// 2,116 transitions a matrix has 17,000 opcodes and 2,200 memo entries.
const (
	mostOpcodes = 1 << 16
	mostMemo    = 1 << 13
	mostStack   = 256
	// mostNested bounds how many objects a value would have if it were written
	// out: a memo lets few opcodes stand for billions.
	mostNested = 1 << 15
	// mostDigits is more than a number of protocol 0 has.
	mostDigits = 32
)

// unpickler reads the pickles of one file, one after the other.
type unpickler struct {
	data    []byte
	pos     int
	opcodes int
	stack   []*object
	memo    map[int]*object
}

// next reads one pickle.
func (u *unpickler) next() (*object, error) {
	u.stack, u.memo = u.stack[:0], make(map[int]*object)
	for {
		at := u.pos
		if at >= len(u.data) {
			return nil, fmt.Errorf("ends at byte %d in the middle of an object", at)
		}
		if u.opcodes++; u.opcodes > mostOpcodes {
			return nil, fmt.Errorf("byte %d: more than %d opcodes, which no model has", at, mostOpcodes)
		}
		op := u.data[at]
		u.pos++
		if op == '.' {
			top, err := u.pop()
			if err == nil && len(u.stack) > 0 {
				err = fmt.Errorf("ends with %d objects too many on the stack", len(u.stack))
			}
			if err != nil {
				return nil, fmt.Errorf("byte %d: %w", at, err)
			}
			return top, nil
		}
		if err := u.step(op); err != nil {
			return nil, fmt.Errorf("byte %d: %w", at, err)
		}
	}
}

func (u *unpickler) step(op byte) error {
	switch op {
	case '(':
		return u.push(&object{kind: aMark})
	case 'S':
		return u.loadString()
	case 'F', 'I':
		return u.loadNumber(op)
	case 'N':
		return u.push(&object{kind: aNone, nested: 1})
	case 'c':
		return u.loadGlobal()
	case 'g', 'p':
		return u.memoize(op)
	case 't', 'l', 'd':
		items, err := u.popMark()
		if err != nil {
			return err
		}
		o, err := collect(op, items)
		if err != nil {
			return err
		}
		return u.push(o)
	case 's':
		items, err := u.popN(2)
		if err != nil {
			return err
		}
		dict, err := u.top()
		if err != nil {
			return err
		}
		return dict.set(items[0], items[1])
	case 'R':
		items, err := u.popN(2)
		if err != nil {
			return err
		}
		o, err := reduce(items[0], items[1])
		if err != nil {
			return err
		}
		return u.push(o)
	case 'b':
		state, err := u.pop()
		if err != nil {
			return err
		}
		o, err := u.top()
		if err != nil {
			return err
		}
		return o.build(state)
	}
	return u.refuse(op)
}

// refuse names what a pickle asks for that no .stfm file needs.
func (u *unpickler) refuse(op byte) error {
	name, known := opcodeNames[op]
	if !known {
		return fmt.Errorf("%q is no opcode of a pickle: this is no .stfm file", op)
	}
	if op == 'i' { // INST: a class and its call in one opcode
		module, err := u.line(MaxLabel)
		if err != nil {
			return err
		}
		class, err := u.line(MaxLabel)
		if err != nil {
			return err
		}
		return refusedCall(string(module) + "." + string(class))
	}
	return fmt.Errorf("opcode %s does not occur in .stfm files: refused", name)
}

// opcodeNames names the opcodes of Python's pickletools that are not read.
var opcodeNames = map[byte]string{
	'0': "POP", '1': "POP_MARK", '2': "DUP", 'J': "BININT", 'K': "BININT1", 'L': "LONG", 'M': "BININT2",
	'P': "PERSID", 'Q': "BINPERSID", 'T': "BINSTRING", 'U': "SHORT_BINSTRING", 'V': "UNICODE",
	'X': "BINUNICODE", 'a': "APPEND", 'e': "APPENDS", 'h': "BINGET", 'i': "INST", 'j': "LONG_BINGET",
	'o': "OBJ", 'q': "BINPUT", 'r': "LONG_BINPUT", 'u': "SETITEMS", 'G': "BINFLOAT", ']': "EMPTY_LIST",
	')': "EMPTY_TUPLE", '}': "EMPTY_DICT", 'B': "BINBYTES", 'C': "SHORT_BINBYTES", 0x80: "PROTO",
	0x81: "NEWOBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x85: "TUPLE1", 0x86: "TUPLE2",
	0x87: "TUPLE3", 0x88: "NEWTRUE", 0x89: "NEWFALSE", 0x8a: "LONG1", 0x8b: "LONG4", 0x93: "STACK_GLOBAL",
	0x94: "MEMOIZE", 0x95: "FRAME",
}

// line reads the argument of an opcode: up to the end of the line.
func (u *unpickler) line(most int) ([]byte, error) {
	rest := u.data[u.pos:min(len(u.data), u.pos+most+1)]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		if len(rest) <= most {
			return nil, fmt.Errorf("ends at byte %d in the middle of an object", len(u.data))
		}
		return nil, fmt.Errorf("an argument of more than %d bytes, which no model has", most)
	}
	u.pos += end + 1
	return rest[:end], nil
}

func (u *unpickler) loadString() error {
	line, err := u.line(4*MaxLetters + 2) // each byte may be written as \x41
	if err != nil {
		return err
	}
	s, err := unquote(line)
	if err != nil {
		return err
	}
	return u.push(&object{kind: aString, str: s, nested: 1})
}

// unquote reads a string as Python 2 writes it: with repr.
func unquote(line []byte) (string, error) {
	if len(line) < 2 || line[0] != '\'' && line[0] != '"' || line[len(line)-1] != line[0] {
		return "", fmt.Errorf("a string without quotes: %s", quoted(string(line)))
	}
	quote, s := line[0], string(line[1:len(line)-1])
	if strings.IndexByte(s, quote) < 0 && strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == quote {
			return "", fmt.Errorf("a string with a quote in it: %s", quoted(s))
		}
		if c == '\\' {
			i++
			var esc byte
			if i < len(s) {
				esc = s[i]
			}
			switch esc {
			case '\\', '\'', '"':
				c = esc
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'x':
				n, err := strconv.ParseUint(s[i+1:min(len(s), i+3)], 16, 8)
				if err != nil || i+2 >= len(s) {
					return "", fmt.Errorf("a string with half an escape: %s", quoted(s))
				}
				c, i = byte(n), i+2
			default:
				return "", fmt.Errorf("a string with an escape that Python does not write: %s", quoted(s))
			}
		}
		b = append(b, c)
	}
	return string(b), nil
}

func (u *unpickler) loadNumber(op byte) error {
	line, err := u.line(mostDigits)
	if err != nil {
		return err
	}
	s := string(line)
	o := &object{kind: aNumber, nested: 1}
	switch {
	case op == 'I' && (s == "00" || s == "01"): // False and True
		o.kind, o.num = aBool, float64(s[1]-'0')
	case op == 'I':
		var n int64
		n, err = strconv.ParseInt(s, 10, 32)
		o.num = float64(n)
	case strings.ContainsAny(s, "xX_pP"): // what Go reads and Python does not write
		err = strconv.ErrSyntax
	default:
		o.num, err = strconv.ParseFloat(s, 64)
	}
	if err != nil {
		return fmt.Errorf("%s is not a number", quoted(s))
	}
	return u.push(o)
}

func (u *unpickler) loadGlobal() error {
	module, err := u.line(MaxLabel)
	if err != nil {
		return err
	}
	name, err := u.line(MaxLabel)
	if err != nil {
		return err
	}
	full := string(module) + "." + string(name)
	if !knownGlobals[full] {
		return refusedCall(full)
	}
	return u.push(&object{kind: aGlobal, str: full, nested: 1})
}

func (u *unpickler) memoize(op byte) error {
	line, err := u.line(mostDigits)
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(string(line), 10, 31)
	if err != nil {
		return fmt.Errorf("%s is not a memo entry", quoted(string(line)))
	}
	if op == 'g' {
		o, ok := u.memo[int(n)]
		if !ok {
			return fmt.Errorf("memo entry %d is used but not given", n)
		}
		return u.push(o)
	}
	o, err := u.top()
	if err != nil {
		return err
	}
	u.memo[int(n)] = o
	if len(u.memo) > mostMemo {
		return fmt.Errorf("more than %d memo entries, which no model has", mostMemo)
	}
	return nil
}

func (u *unpickler) push(o *object) error {
	if len(u.stack) >= mostStack {
		return fmt.Errorf("more than %d objects on the stack, which no model has", mostStack)
	}
	u.stack = append(u.stack, o)
	return nil
}

var errStack = fmt.Errorf("takes an object from the stack that is not there")

// top gives the top of the stack, which must not be a mark.
func (u *unpickler) top() (*object, error) {
	if n := len(u.stack); n > 0 && u.stack[n-1].kind != aMark {
		return u.stack[n-1], nil
	}
	return nil, errStack
}

func (u *unpickler) pop() (*object, error) {
	o, err := u.top()
	if err == nil {
		u.stack = u.stack[:len(u.stack)-1]
	}
	return o, err
}

func (u *unpickler) popN(n int) ([]*object, error) {
	items := make([]*object, n)
	for i := n - 1; i >= 0; i-- {
		o, err := u.pop()
		if err != nil {
			return nil, err
		}
		items[i] = o
	}
	return items, nil
}

// popMark takes all down to the topmost mark, and the mark.
func (u *unpickler) popMark() ([]*object, error) {
	for i := len(u.stack) - 1; i >= 0; i-- {
		if u.stack[i].kind == aMark {
			items := append([]*object(nil), u.stack[i+1:]...)
			u.stack = u.stack[:i]
			return items, nil
		}
	}
	return nil, errStack
}
