// Package crash holds tests that kill processes at random and look at what they leave
// behind.
package crash
