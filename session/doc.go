// Package session records who logged in, failed to, and logged out.
//
//	err := session.TrackLogin(ctx, tracker, audit.Event{Actor: audit.User(account.ID)}, "password")
package session
