// Package scan reads what filters compare from the canonical JSON of records, without
// decoding it.
package scan
