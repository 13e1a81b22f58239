package cli

import (
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"

	"github.com/opendeed/audit"
)

// osUser returns the user by whose rights the process runs, as the operating system says:
// no variable counts, since anybody can set one. Login is the user who has logged in, if that
// is another one, as after sudo, or "".
func osUser() (actor audit.Actor, login string) {
	uid := os.Getuid()
	u, err := lookUp(uid)
	if err != nil {
		return audit.Actor{Type: audit.ActorUser, ID: "uid:" + strconv.Itoa(uid), AuthMethod: "os"}, loginUser(uid)
	}
	actor = audit.Actor{Type: audit.ActorUser, ID: u.Username, AuthMethod: "os"}
	if name, _, _ := strings.Cut(u.Name, ","); name != u.Username {
		actor.Name = name
	}
	return actor, loginUser(uid)
}

// lookUp returns the user with an ID. Where users have no numbers, as on Windows, it asks for
// that of the process.
func lookUp(uid int) (*user.User, error) {
	if uid < 0 {
		return user.Current()
	}
	return user.LookupId(strconv.Itoa(uid))
}

// loginUser returns the user who has logged in, which the kernel of Linux remembers, if it is
// another one than uid.
func loginUser(uid int) string {
	data, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return ""
	}
	id, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 32)
	if err != nil || id == math.MaxUint32 || id == uint64(uid) {
		return "" // nobody has logged in, or the same user
	}
	if u, err := user.LookupId(strconv.FormatUint(id, 10)); err == nil {
		return u.Username
	}
	return "uid:" + strconv.FormatUint(id, 10)
}
