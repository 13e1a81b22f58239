package answers_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"
	echo5 "github.com/labstack/echo/v5"
	"github.com/opendeed/audit/audittest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestFormFiles checks that the server removes the files of a form. It looks for them in its
// own request, while the handler gets a copy with the scope.
func TestFormFiles(t *testing.T) {
	t.Parallel()
	upload := func(t *testing.T, r *http.Request) (name string) {
		t.Helper()
		if !assert.NoError(t, r.ParseMultipartForm(0)) {
			return ""
		}
		f, err := r.MultipartForm.File["file"][0].Open()
		if !assert.NoError(t, err) {
			return ""
		}
		defer f.Close()
		file, ok := f.(*os.File)
		if !assert.True(t, ok, "it is in memory") {
			return ""
		}
		assert.FileExists(t, file.Name())
		return file.Name()
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.txt")
	require.NoError(t, err)
	_, err = part.Write(bytes.Repeat([]byte("x"), 1000))
	require.NoError(t, err)
	require.NoError(t, form.Close())
	request := lines("POST /a HTTP/1.1", "Host: example.com", "Connection: close", "Content-Type: "+form.FormDataContentType(),
		"Content-Length: "+strconv.Itoa(body.Len()), "", body.String())

	for _, o := range append([]setup{{order: bare}}, setups()...) {
		t.Run(o.String(), func(t *testing.T) {
			t.Parallel()
			tracker := audittest.NewRecorder(t).Tracker("test")
			services := map[string]func(name *string) http.Handler{
				"net/http": func(name *string) http.Handler {
					return httpService(o, tracker, nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { *name = upload(t, r) }))
				},
				"gin": func(name *string) http.Handler {
					return ginService(o, tracker, &notes{}, &ginRow{handler: func(_ *notes, c *gin.Context) {
						*name = upload(t, c.Request)
						c.Status(204)
					}})
				},
				"gin, with an error": func(name *string) http.Handler {
					return ginService(o, tracker, &notes{}, &ginRow{handler: func(_ *notes, c *gin.Context) {
						*name = upload(t, c.Request)
						_ = c.Error(errConflict)
					}})
				},
				"Echo": func(name *string) http.Handler {
					return echoService(o, tracker, &notes{}, &echoRow{handler: func(_ *notes, c echo.Context) error {
						*name = upload(t, c.Request())
						return c.NoContent(204)
					}})
				},
				"Echo v5": func(name *string) http.Handler {
					return echo5Service(o, tracker, &notes{}, &echo5Row{handler: func(_ *notes, c *echo5.Context) error {
						*name = upload(t, c.Request())
						return c.NoContent(204)
					}})
				},
				"Echo v5, with an error": func(name *string) http.Handler {
					return echo5Service(o, tracker, &notes{}, &echo5Row{handler: func(_ *notes, c *echo5.Context) error {
						*name = upload(t, c.Request())
						return errConflict5
					}})
				},
				"Echo, with an error": func(name *string) http.Handler {
					return echoService(o, tracker, &notes{}, &echoRow{handler: func(_ *notes, c echo.Context) error {
						*name = upload(t, c.Request())
						return echo.ErrConflict
					}})
				},
			}
			for service, handler := range services {
				var name string
				s := start(handler(&name))
				exchange(t, s, request)
				s.Close()
				assert.NotEmpty(t, name)
				assert.NoFileExists(t, name, service)
			}
		})
	}
}
