// Package values represents Go values as attribute values, the same way wherever
// a record gets one, and defines the placeholders for values that are masked or
// cannot be represented.
//
// A type has a shape (shape.go), which decides how its values are recorded: as one
// attribute value ([Of], in value.go), or by their parts, which is up to package
// diff. Text and values that methods return are in methods.go.
package values
