package serve

import (
	"context"
	"os/exec"
	"runtime"
)

// OpenBrowser opens a link in the browser of the user, if there is one. The link is shown in
// the terminal anyway, so nothing is said if it fails.
func OpenBrowser(ctx context.Context, link string) {
	var cmd *exec.Cmd
	switch runtime.GOOS {
	case "darwin":
		cmd = exec.CommandContext(ctx, "open", link)
	case "windows":
		cmd = exec.CommandContext(ctx, "rundll32", "url.dll,FileProtocolHandler", link)
	default:
		cmd = exec.CommandContext(ctx, "xdg-open", link)
	}
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}
