package otlp

import (
	"fmt"
	"net/url"
	"strings"
)

// logsPath is what HTTP requests go to below a base URL.
const logsPath = "/v1/logs"

// check finds out whether the endpoint can be used, and how. Its errors do not show
// the endpoint, which may have a password in it.
func (e *endpoint) check(p protocol, insecure bool) error {
	lower := strings.ToLower(e.text)
	if !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
		if p == protocolHTTP {
			return fmt.Errorf("%s: it is no URL that begins with http:// or https://", e.from)
		}
		e.secure = !insecure
		return nil
	}
	u, err := url.Parse(e.text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return fmt.Errorf("%s: it is no URL with a host, such as https://collector.example.com:4317", e.from)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: a query or fragment has no meaning there", e.from)
	}
	e.url, e.secure = u, u.Scheme == "https"
	if p == protocolHTTP {
		if !e.exact {
			u.Path = strings.TrimSuffix(u.Path, "/") + logsPath
		}
		if u.Path == "" {
			u.Path = "/"
		}
		return nil
	}
	if u.User != nil {
		return fmt.Errorf("%s: gRPC sends no user and password; use a header", e.from)
	}
	if u.Path != "" && u.Path != "/" {
		return fmt.Errorf("%s: gRPC has no path", e.from)
	}
	return nil
}

// target is the endpoint as gRPC wants it.
func (e *endpoint) target() string {
	if e.url == nil {
		return e.text
	}
	if e.url.Port() != "" {
		return e.url.Host
	}
	if e.secure {
		return e.url.Host + ":443"
	}
	return e.url.Host + ":80"
}
