// Package scope shows a store to somebody who may see a part of it: a [Reader] asks another
// one, drops records that may not be seen, and hides fields of the others. Filters and counts
// apply to what remains, so that nobody can search for what is hidden.
package scope
