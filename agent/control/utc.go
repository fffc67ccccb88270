package control

import (
	"reflect"
	"sync"
	"time"
)

// inUTC gives a copy of v with all its times in UTC, as the API promises; what a
// backend gives may be in its own zone, and shared.
func inUTC[T any](v T) T {
	return toUTC(reflect.ValueOf(&v).Elem()).Interface().(T)
}

var timeType = reflect.TypeFor[time.Time]()

// timed remembers which types have times in them.
var timed sync.Map

func hasTime(t reflect.Type) bool {
	if known, ok := timed.Load(t); ok {
		return known.(bool)
	}
	has := t == timeType
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		has = hasTime(t.Elem())
	case reflect.Struct:
		for i := 0; i < t.NumField() && !has; i++ {
			has = t.Field(i).IsExported() && hasTime(t.Field(i).Type)
		}
	}
	timed.Store(t, has)
	return has
}

func toUTC(v reflect.Value) reflect.Value {
	t := v.Type()
	if !hasTime(t) || (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) && v.IsNil() {
		return v
	}
	dup := reflect.New(t).Elem()
	switch {
	case t == timeType:
		return reflect.ValueOf(v.Interface().(time.Time).UTC())
	case t.Kind() == reflect.Pointer:
		dup.Set(reflect.New(t.Elem()))
		dup.Elem().Set(toUTC(v.Elem()))
	case t.Kind() == reflect.Slice:
		dup.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
		for i := range v.Len() {
			dup.Index(i).Set(toUTC(v.Index(i)))
		}
	case t.Kind() == reflect.Struct:
		dup.Set(v)
		for i := range t.NumField() {
			if t.Field(i).IsExported() && hasTime(t.Field(i).Type) {
				dup.Field(i).Set(toUTC(v.Field(i)))
			}
		}
	default: // arrays and maps of times: none of ours
		return v
	}
	return dup
}
