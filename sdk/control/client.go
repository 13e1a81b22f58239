package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// RemoveBefore asks the process that writes the ledger in dir to remove segments, as
// ledger.Ledger.RemoveBefore does. If none listens, the error is ErrUnavailable. After another
// error the segments may be removed.
func RemoveBefore(ctx context.Context, dir string, seq uint64) (first uint64, err error) {
	if !supported() {
		return 0, ErrUnavailable
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socketPath(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return 0, ErrUnavailable
	case err != nil:
		return 0, fmt.Errorf("control: %w", err)
	}
	defer func() { _ = c.Close() }() // the answer was read, or there is an error
	deadline := time.Now().Add(timeout)
	if end, ok := ctx.Deadline(); ok && end.Before(deadline) {
		deadline = end
	}
	if err := c.SetDeadline(deadline); err != nil {
		return 0, fmt.Errorf("control: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Now()) })
	defer stop()
	var answer response
	err = json.NewEncoder(c).Encode(request{RemoveBefore: &seq})
	if err == nil {
		err = read(c, &answer)
	}
	switch {
	case err != nil:
		return 0, fmt.Errorf("control: no answer from the process that writes %s: %w", dir, errors.Join(ctx.Err(), err))
	case answer.Error != "":
		return answer.First, errors.New(answer.Error)
	}
	return answer.First, nil
}
