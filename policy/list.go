package policy

import (
	"encoding"
	"errors"
	"fmt"
)

// unmarshalList reads a TOML value that is one item or a list of items, each a
// string or a whole number. An empty list gives nil.
func unmarshalList[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](data any, allowed string) ([]T, error) {
	values, ok := data.([]any)
	if !ok {
		values = []any{data}
	}
	var (
		items []T
		all   []error
	)
	for _, v := range values {
		var item T
		var err error
		switch v := v.(type) {
		case string:
			err = P(&item).UnmarshalText([]byte(v))
		case int64:
			err = P(&item).UnmarshalText(fmt.Append(nil, v))
		default:
			err = fmt.Errorf("%v is not allowed; use %s", v, allowed)
		}
		if err != nil {
			all = append(all, err)
			continue
		}
		items = append(items, item)
	}
	if len(all) > 0 {
		return nil, errors.Join(all...)
	}
	return items, nil
}
