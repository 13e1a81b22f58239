package index

// Estimate is what an index knows of a condition: which entries meet it for certain, and which
// others may. All others do not.
type Estimate struct{ Sure, Maybe *Places }

// And returns the estimate for both conditions, of n entries.
func (e Estimate) And(o Estimate, n int) Estimate {
	sure := e.Sure.And(o.Sure)
	if e.Maybe.n == 0 && o.Maybe.n == 0 {
		return Estimate{sure, NoPlaces()}
	}
	return Estimate{sure, e.possible(n).And(o.possible(n)).Minus(sure)}
}

// Or returns the estimate for one of both conditions, of n entries.
func (e Estimate) Or(o Estimate, n int) Estimate {
	sure := e.Sure.Or(o.Sure, n)
	return Estimate{sure, e.Maybe.Or(o.Maybe, n).Minus(sure)}
}

// Not returns the estimate for the opposite, of all entries that are records.
func (e Estimate) Not(all *Places) Estimate {
	return Estimate{all.Minus(e.possible(all.size())), e.Maybe}
}

// possible returns the places of all entries that may meet the condition.
func (e Estimate) possible(n int) *Places { return e.Sure.Or(e.Maybe, n) }

// Doubt returns the estimate in which some entries that met the condition for certain may meet it.
func (e Estimate) Doubt(places *Places, n int) Estimate {
	doubted := e.Sure.And(places)
	if doubted.n == 0 {
		return e
	}
	return Estimate{e.Sure.Minus(doubted), e.Maybe.Or(doubted, n)}
}
