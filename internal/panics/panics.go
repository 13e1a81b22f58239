// Package panics describes recovered panics without showing what they hold.
package panics

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

	"github.com/opendeed/audit/internal/errortype"
)

// Error describes a recovered panic by its type or, if it is an error of Go's own runtime,
// by its text without the numbers. It never shows the value, which may hold anything.
func Error(p any) error {
	if re, ok := p.(runtime.Error); ok && isRuntime(reflect.TypeOf(p)) {
		text, _, _ := strings.Cut(re.Error(), " [") // index out of range [5]
		return errortype.OwnError("it panicked: " + text)
	}
	return errortype.OwnError(fmt.Sprintf("it panicked with a %T", p))
}

func isRuntime(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "runtime"
}
