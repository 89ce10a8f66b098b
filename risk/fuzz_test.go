package risk

import "testing"

func FuzzCommand(f *testing.F) {
	for _, r := range readTable(f) {
		f.Add(r.command)
	}
	f.Fuzz(func(t *testing.T, command string) {
		checkInvariants(t, Command(command))
	})
}

func FuzzArgv(f *testing.F) {
	f.Add("sudo", "rm", "-rf", "/")
	f.Add("sh", "-c", "rm -rf \"$1\"", "/")
	f.Add("find", "/", "-exec", "{}")
	f.Add("xargs", "-I", "{}", "{}{}")
	f.Add("env", "-S", "a b", "c")
	f.Add("chmod", "u+s", "-x", "")
	f.Add("tar", "cf", "", "-")
	f.Add("kill", "-s", "-1", "--")
	f.Add("printf", "%s%d", "", "-v")
	f.Add("docker", "run", "-v", "/:/x")
	f.Add("git", "-c", "alias.x=!y", "x")
	f.Add("curl", "-d", "@", "-T")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		for _, argv := range [][]string{{a}, {a, b}, {a, b, c}, {a, b, c, d}} {
			checkInvariants(t, Argv(argv))
		}
	})
}
