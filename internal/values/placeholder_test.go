package values_test

import (
	"testing"

	"github.com/opendeed/audit/internal/values"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
)

func TestUnrepresentable(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		value attribute.Value
		want  string
	}{
		"placeholder":      {values.NewUnrepresentable("func()", ""), "func()"},
		"with a reason":    {values.NewUnrepresentable("*shop.address", "cycle"), "*shop.address (cycle)"},
		"in strings":       {attribute.StringSliceValue([]string{"a", "***UNREPRESENTABLE:func()***"}), "func()"},
		"in a slice":       {attribute.SliceValue(attribute.Int64Value(1), attribute.StringValue("***UNREPRESENTABLE:func()***")), "func()"},
		"text":             {attribute.StringValue("func()"), ""},
		"prefix alone":     {attribute.StringValue("***UNREPRESENTABLE:func()"), ""},
		"prefix as suffix": {attribute.StringValue("***UNREPRESENTABLE:"), ""},
		"empty":            {attribute.Value{}, ""},
		"strings":          {attribute.StringSliceValue([]string{"a"}), ""},
		"slice":            {attribute.SliceValue(attribute.Int64Value(1)), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			typeName, ok := values.Unrepresentable(test.value)
			require.Equal(t, test.want, typeName)
			require.Equal(t, test.want != "", ok)
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	integer, text := attribute.Int64Value(1), attribute.StringValue("a")
	tests := map[string]struct{ list, want attribute.Value }{
		"empty":     {values.List(nil), attribute.SliceValue()},
		"booleans":  {values.List([]attribute.Value{attribute.BoolValue(true)}), attribute.BoolSliceValue([]bool{true})},
		"integers":  {values.List([]attribute.Value{integer, integer}), attribute.Int64SliceValue([]int64{1, 1})},
		"floats":    {values.List([]attribute.Value{attribute.Float64Value(0.5)}), attribute.Float64SliceValue([]float64{0.5})},
		"strings":   {values.List([]attribute.Value{text}), attribute.StringSliceValue([]string{"a"})},
		"two types": {values.List([]attribute.Value{integer, text}), attribute.SliceValue(integer, text)},
		"empties":   {values.List([]attribute.Value{{}, {}}), attribute.SliceValue(attribute.Value{}, attribute.Value{})},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, test.list)
		})
	}
}
