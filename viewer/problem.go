package viewer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// problem is an error that a page shows: what is wrong, and what to do.
type problem struct {
	status      int
	title, text string
	wait        time.Duration // before the next attempt, or 0
	ways        []way
}

// way is an address that leads on from a problem.
type way struct{ Text, Href string }

// problemPage is the data of the page of a problem.
type problemPage struct {
	Text string
	Ways []way
}

// leads adds an address that leads on from a problem.
func (p *problem) leads(text, href string) { p.ways = append(p.ways, way{text, href}) }

// Error returns the title and the text.
func (p *problem) Error() string { return "viewer: " + p.title + ": " + p.text }

func problemf(status int, title, format string, args ...any) *problem {
	return &problem{status: status, title: title, text: fmt.Sprintf(format, args...)}
}

var (
	errForbidden = problemf(http.StatusForbidden, "You may not see this trail",
		"Log in as somebody who may, or ask whoever runs this service for access.")
	errNotFound = problemf(http.StatusNotFound, "There is no such page", "Start from the timeline.")
	errNoRecord = problemf(http.StatusNotFound, "There is no such record",
		"Its ID is wrong, it was removed after its retention time, or you may not see it.")
	errUnrecorded = problemf(http.StatusServiceUnavailable, "Your visit could not be recorded",
		"The trail is shown only if it can be recorded who looks at it. Try again soon, and tell whoever runs this service.")
	errSlow = problemf(http.StatusGatewayTimeout, "The search took too long",
		"Narrow it: choose a shorter time, an actor, an action or a target.")
	errBusy = problemf(http.StatusServiceUnavailable, "Too many searches at the same time",
		"Try again in a moment, or narrow the search: choose a shorter time, an actor, an action or a target.")
	errExports = problemf(http.StatusServiceUnavailable, "Too many exports at the same time",
		"Each person can run one export at a time. Try again when yours has ended, or in a few minutes.")
	errBroken = problemf(http.StatusInternalServerError, "The trail could not be read",
		"Try again. If that fails too, tell whoever runs this service; its log says why.")
)

// serveProblem shows an error. One that is no problem is reported, since it may have names that
// are not for the person who looks.
func (v *viewer) serveProblem(w http.ResponseWriter, r *http.Request, visit *visit, err error) {
	if r.Context().Err() != nil {
		return // the client has left
	}
	p, ok := errors.AsType[*problem](err)
	switch {
	case ok:
	case errors.Is(err, context.DeadlineExceeded):
		p = errSlow
	default:
		v.onError(r.Context(), err)
		p = errBroken
	}
	if p.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(p.wait.Seconds())))
	}
	v.render(w, r, p.status, visit, &content{template: "problem.html", Title: v.language.word(p.title), Data: problemPage{v.language.word(p.text), p.ways}})
}
