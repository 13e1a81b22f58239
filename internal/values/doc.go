// Package values represents Go values as attribute values, the same way wherever
// a record gets one, and defines the placeholders for values that are masked or
// cannot be represented.
package values
