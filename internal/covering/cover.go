package covering

// Cover is the identity of what an event did: one operation on one object. All texts are
// compared as they were tracked.
type Cover struct {
	Provider   any
	Tenant     string
	Namespace  string // of the target's type
	TargetType string
	TargetID   string
	Operation  uint8  // zero if the event has none
	Write      bool   // the operation changes its target
	Action     string // if there is no operation
	Unknown    bool   // the event does not say how it ended

	inner bool // the intent was recorded in an inner scope
}

// NamesObject reports whether the cover has a target. A cover without one covers nothing.
func (c *Cover) NamesObject() bool { return c.TargetType != "" && c.TargetID != "" }

// AnyWrite returns the cover of every write to the object.
func (c Cover) AnyWrite() Cover {
	c.Operation, c.Write, c.Action = 0, false, ""
	return c
}
