// Package crash tests ledgers and providers by killing processes at random and checking what is
// on disk afterwards.
package crash
