package request

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPeerAddress(t *testing.T) {
	t.Parallel()
	for remote, want := range map[string]string{
		"192.0.2.1:1234":             "192.0.2.1",
		"[2001:db8::1]:1234":         "2001:db8::1",
		"[::ffff:192.0.2.1]:1234":    "192.0.2.1",
		"[fe80::1%eth0]:1234":        "fe80::1",
		"":                           "",
		"@":                          "",
		"/run/app.sock":              "/run/app.sock",
		"pipe":                       "pipe",
		"192.0.2.1":                  "192.0.2.1",
		"2001:db8::1":                "2001:db8::1",
		"not:an:address:of:any:kind": "not:an:address:of:any:kind",
	} {
		assert.Equal(t, want, peerAddress(remote), remote)
	}
}

func TestClientAddress(t *testing.T) {
	t.Parallel()
	internal := []string{"10.0.0.0/8", "2001:db8:1::/48"}
	tests := []struct {
		name      string
		peer      string
		forwarded []string
		proxies   []string
		want      string
	}{
		{"no trusted proxies", "10.0.0.1", []string{"203.0.113.7"}, nil, "10.0.0.1"},
		{"no header", "10.0.0.1", nil, internal, "10.0.0.1"},
		{"a peer that is not a proxy", "198.51.100.1", []string{"203.0.113.7"}, internal, "198.51.100.1"},
		{"a peer that is not an address", "/run/app.sock", []string{"203.0.113.7"}, internal, "/run/app.sock"},
		{"one proxy", "10.0.0.1", []string{"203.0.113.7"}, internal, "203.0.113.7"},
		{"a forged entry to the left", "10.0.0.1", []string{"192.0.2.66, 203.0.113.7"}, internal, "203.0.113.7"},
		{"a forged entry that looks like a proxy", "10.0.0.1", []string{"10.0.0.9, 203.0.113.7"}, internal, "203.0.113.7"},
		{"three proxies", "10.0.0.1", []string{"203.0.113.7, 10.0.0.3,10.0.0.2"}, internal, "203.0.113.7"},
		{"several lines, in their order", "10.0.0.1", []string{"192.0.2.66", "203.0.113.7", "10.0.0.2"}, internal, "203.0.113.7"},
		{"a forged line before", "10.0.0.1", []string{"10.0.0.9", "203.0.113.7"}, internal, "203.0.113.7"},
		{"only proxies", "10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, internal, "10.0.0.3"},
		{"nonsense next to the proxy", "10.0.0.1", []string{"203.0.113.7, unknown"}, internal, "10.0.0.1"},
		{"nonsense before a proxy", "10.0.0.1", []string{"203.0.113.7, unknown, 10.0.0.2"}, internal, "10.0.0.2"},
		{"nonsense before the client", "10.0.0.1", []string{"<script>, 203.0.113.7"}, internal, "203.0.113.7"},
		{"an empty header", "10.0.0.1", []string{""}, internal, "10.0.0.1"},
		{"an empty entry", "10.0.0.1", []string{"203.0.113.7,"}, internal, "10.0.0.1"},
		{"an empty line before", "10.0.0.1", []string{"", "203.0.113.7"}, internal, "203.0.113.7"},
		{"a name", "10.0.0.1", []string{"client.example"}, internal, "10.0.0.1"},
		{"ports", "10.0.0.1", []string{"203.0.113.7:443, 10.0.0.2:80"}, internal, "203.0.113.7"},
		{"an invalid port", "10.0.0.1", []string{"203.0.113.7:http"}, internal, "10.0.0.1"},
		{"IPv6", "2001:db8:1::1", []string{"2001:db8:2::7, 2001:db8:1::2"}, internal, "2001:db8:2::7"},
		{"IPv6 with brackets and port", "10.0.0.1", []string{"[2001:db8:2::7]:443, [2001:db8:1::2]"}, internal, "2001:db8:2::7"},
		{"IPv4 in brackets", "10.0.0.1", []string{"[203.0.113.7]"}, internal, "10.0.0.1"},
		{"unclosed brackets", "10.0.0.1", []string{"[2001:db8:2::7"}, internal, "10.0.0.1"},
		{"brackets around nonsense", "10.0.0.1", []string{"[x]"}, internal, "10.0.0.1"},
		{"IPv6 in long form", "10.0.0.1", []string{"2001:DB8:0002:0:0:0:0:7"}, internal, "2001:db8:2::7"},
		{"a zone that the client chose", "10.0.0.1", []string{"fe80::1%evil"}, internal, "fe80::1"},
		{"a trusted address with a zone", "10.0.0.1", []string{"203.0.113.7, 2001:db8:1::2%eth0"}, internal, "203.0.113.7"},
		{"IPv4 in IPv6", "10.0.0.1", []string{"::ffff:203.0.113.7, ::ffff:10.0.0.2"}, internal, "203.0.113.7"},
		{"a prefix of IPv4 in IPv6", "10.0.0.1", []string{"203.0.113.7"}, []string{"::ffff:10.0.0.0/104"}, "203.0.113.7"},
		{"octal", "10.0.0.1", []string{"0203.0.113.7"}, internal, "10.0.0.1"},
		{"tabs and spaces", "10.0.0.1", []string{" \t203.0.113.7\t "}, internal, "203.0.113.7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, newProxies(tt.proxies...).clientAddress(tt.peer, tt.forwarded))
		})
	}
}

func newProxies(networks ...string) *Proxies {
	p := &Proxies{}
	for _, network := range networks {
		p.Add(netip.MustParsePrefix(network))
	}
	return p
}

// FuzzForwardedFor looks for a header that yields a client that no trusted proxy named.
func FuzzForwardedFor(f *testing.F) {
	f.Add("10.0.0.1", "203.0.113.7")
	f.Add("10.0.0.1", "192.0.2.66, 203.0.113.7\n10.0.0.2")
	f.Add("10.0.0.1", "[2001:db8::1]:443, unknown, ::ffff:10.0.0.2")
	f.Add("192.0.2.1", "fe80::1%eth0,")
	f.Add("10.0.0.1", "10.0.0.3,10.0.0.2")
	proxies := newProxies("10.0.0.0/8", "2001:db8:1::/48")
	f.Fuzz(func(t *testing.T, peer, header string) {
		lines := strings.Split(header, "\n")
		got := proxies.clientAddress(peer, lines)
		if got == peer {
			return
		}
		peerAddr, err := netip.ParseAddr(peer)
		require.NoError(t, err)
		require.True(t, proxies.contains(peerAddr), "the header of a peer that is not a proxy was trusted")

		client, err := netip.ParseAddr(got)
		require.NoError(t, err)
		require.Empty(t, client.Zone())
		require.False(t, client.Is4In6())
		entries := strings.Split(strings.Join(lines, ","), ",")
		slices.Reverse(entries)
		for _, entry := range entries {
			addr, ok := forwardedAddress(entry)
			require.True(t, ok, "an entry to the right of the client is not an address")
			if addr == client {
				return
			}
			require.True(t, proxies.contains(addr), "an entry to the right of the client is not a proxy")
		}
		t.Fatal("the client is not in the header")
	})
}
