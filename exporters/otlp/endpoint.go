package otlp

import (
	"fmt"
	"net/url"
	"strings"
)

// logsPath is the path of HTTP requests, relative to a base URL.
const logsPath = "/v1/logs"

// check validates and parses the endpoint. Its errors do not contain the endpoint, which may
// have a password.
func (e *endpoint) check(p protocol, insecure bool) error {
	lower := strings.ToLower(e.text)
	if !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
		if p == protocolHTTP {
			return fmt.Errorf("%s: it is not a URL that starts with http:// or https://", e.from)
		}
		e.secure = !insecure
		return nil
	}
	u, err := url.Parse(e.text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return fmt.Errorf("%s: it is not a URL with a host, such as https://collector.example.com:4317", e.from)
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: it must not have a query or a fragment", e.from)
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
		return fmt.Errorf("%s: gRPC does not send a user and password; use a header", e.from)
	}
	if u.Path != "" && u.Path != "/" {
		return fmt.Errorf("%s: it must not have a path for gRPC", e.from)
	}
	return nil
}

// target returns the endpoint as a gRPC target.
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
