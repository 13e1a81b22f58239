package auditecho_test

import (
	"io"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"
	"github.com/opendeed/audit"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newEcho returns a server that logs nothing, and the number of calls of its error
// handler: one for each error, whoever calls it.
func newEcho() (*echo.Echo, *int) {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	handled := new(int)
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		*handled++
		e.DefaultHTTPErrorHandler(err, c)
	}
	return e, handled
}

// byUser is an actor function that trusts the header User.
func byUser(c echo.Context) (audit.Actor, error) {
	if id := c.Request().Header.Get("User"); id != "" {
		return audit.User(id), nil
	}
	return audit.Actor{}, nil
}

// byToken is an actor function for Echo's JWT middleware.
func byToken(c echo.Context) (audit.Actor, error) {
	token, ok := c.Get("user").(*jwt.Token)
	if !ok {
		return audit.Actor{}, nil
	}
	id, err := token.Claims.GetSubject()
	return audit.Actor{Type: audit.ActorUser, ID: id, AuthMethod: "jwt"}, err
}

var jwtKey = []byte("of these tests")

// bearer returns the Authorization header of a user.
func bearer(id string) string {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Subject: id}).SignedString(jwtKey)
	if err != nil {
		panic(err)
	}
	return "Bearer " + token
}

// answer returns a handler that only writes a status.
func answer(status int) echo.HandlerFunc {
	return func(c echo.Context) error { return c.NoContent(status) }
}

// fail returns a handler that only returns an error.
func fail(err error) echo.HandlerFunc {
	return func(echo.Context) error { return err }
}

// middlewareFunc returns a middleware that calls f.
func middlewareFunc(f func(c echo.Context, next echo.HandlerFunc) error) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error { return f(c, next) }
	}
}
