package argusfeed

// ParseTuple reads what Tuple.String wrote. Names in it become known, as those
// of a feed do: for text that others send there is FindTuple.
func ParseTuple(s string) (Tuple, error) {
	src, dst, port, proto, err := splitTuple(s)
	if err != nil {
		return Tuple{}, err
	}
	return joinTuple(src, dst, port, proto)
}

// UnmarshalText reads what MarshalText wrote.
func (t *Tuple) UnmarshalText(b []byte) error {
	p, err := ParseTuple(string(b))
	if err != nil {
		return err
	}
	*t = p
	return nil
}
