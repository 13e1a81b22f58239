package resolver

import "context"

// Inherit makes the Resolver that of a unit of work inside another one, whose Resolver outer
// may be nil. inherited acts, unless the Resolver finds an actor, and may be nil. Inherit is
// called before other methods.
func (r *Resolver[A]) Inherit(outer *Resolver[A], inherited *A) {
	r.outer, r.inherited = outer, inherited
}

// Inherited returns the actor that acts unless the Resolver finds one, or nil.
func (r *Resolver[A]) Inherited() *A { return r.inherited }

// Find looks for the actor from the inside out, and then for the one on whose behalf it acts.
// The result is shared; nil means that nobody acts. r may be nil.
func (r *Resolver[A]) Find(ctx context.Context, q Query) (*A, error) {
	bit := uint64(1)
	for in := r; in != nil; in, bit = in.outer, bit<<1 {
		actor, asked, err := in.own(ctx, q, q.Entered&bit != 0)
		switch {
		case err != nil:
			return nil, err
		case actor == nil && asked:
			return nil, nil //nolint:nilnil // nobody acts, whoever acts in the outer units
		case actor == nil:
			actor = in.inherited
		}
		if actor != nil {
			return r.delegate(ctx, q, actor, in)
		}
	}
	return nil, nil //nolint:nilnil // nobody acts
}

// delegate returns the actor, which was found by found, with the one on whose behalf it acts.
// The units of work are asked from the inside out, up to found.
func (r *Resolver[A]) delegate(ctx context.Context, q Query, actor *A, found *Resolver[A]) (*A, error) {
	bit := uint64(1)
	for in := r; in != nil; in, bit = in.outer, bit<<1 {
		to, err := in.principalOf(ctx, q, q.Entered&bit != 0, actor)
		if to != nil || err != nil {
			return to, err
		}
		if in == found {
			break
		}
	}
	return actor, nil
}

// TakeHung returns how many calls of the Resolver and of the outer ones did not return in
// time since the last TakeHung. r may be nil.
func (r *Resolver[A]) TakeHung() (n int64) {
	for ; r != nil; r = r.outer {
		if r.hung.Load() != 0 {
			n += r.hung.Swap(0)
		}
	}
	return n
}
