package control

import (
	"math"
	"reflect"
	"sync"
	"time"

	"slips-ips/policy"
)

// presentable gives a copy of v as the API promises it: times in UTC, where a
// backend's may be in its own zone, and numbers that JSON has: what is not finite
// is the largest number, what is none is 0. What a backend gives may be shared,
// and stays as it is.
func presentable[T any](v T) T {
	return present(reflect.ValueOf(&v).Elem()).Interface().(T)
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	decisionType = reflect.TypeFor[policy.Decision]() // writes its numbers itself, and has no such times
)

// concerned remembers which types have times or such numbers in them.
var concerned sync.Map

func concerns(t reflect.Type) bool {
	if known, ok := concerned.Load(t); ok {
		return known.(bool)
	}
	has := t == timeType
	switch t.Kind() {
	case reflect.Float64:
		has = true
	case reflect.Pointer, reflect.Slice:
		has = concerns(t.Elem())
	case reflect.Struct:
		for i := 0; i < t.NumField() && !has; i++ {
			has = t.Field(i).IsExported() && concerns(t.Field(i).Type)
		}
	}
	has = has && t != decisionType
	concerned.Store(t, has)
	return has
}

func present(v reflect.Value) reflect.Value {
	t := v.Type()
	if !concerns(t) || (t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice) && v.IsNil() {
		return v
	}
	if t == timeType {
		return reflect.ValueOf(v.Interface().(time.Time).UTC())
	}
	dup := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Float64:
		dup.SetFloat(finite(v.Float()))
	case reflect.Pointer:
		dup.Set(reflect.New(t.Elem()))
		dup.Elem().Set(present(v.Elem()))
	case reflect.Slice:
		dup.Set(reflect.MakeSlice(t, v.Len(), v.Len()))
		for i := range v.Len() {
			dup.Index(i).Set(present(v.Index(i)))
		}
	case reflect.Struct:
		dup.Set(v)
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && concerns(f.Type) {
				dup.Field(i).Set(present(v.Field(i)))
			}
		}
	}
	return dup
}

func finite(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return max(-math.MaxFloat64, min(math.MaxFloat64, f))
}
