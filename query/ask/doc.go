// Package ask reads the conditions of a [query.Filter] as people write them, on a command
// line or in the address of a page.
//
//	filter := query.Filter{}
//	err := ask.Set(&filter, "actor", "user/42")
//	err = ask.Set(&filter, "outcome", "denied")
//	err = ask.SetTime(&filter, ask.Clock{Now: time.Now(), Zone: time.Local}, "since", "7d")
//
// The command deed and package viewer use the same names, so that what one shows can be asked
// of the other.
package ask
