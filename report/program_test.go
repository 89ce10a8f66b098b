package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPrograms(t *testing.T) {
	for command, want := range map[string]string{
		"":                                    "",
		"ls -la":                              "ls",
		"/usr/bin/env python3 x.py":           "env python3",
		"cd /srv && make -j4 | tee log":       "cd make tee",
		"A=1 B+=2 go test ./... ; echo ok":    "go echo",
		"sudo systemctl restart nginx":        "sudo systemctl",
		"sudo -u root id":                     "sudo",
		"env X=1 nohup ./run &":               "env nohup run",
		"if test -f a; then rm a; fi":         "test rm",
		"for f in *.go; do gofmt $f; done":    "gofmt",
		"while ! ping -c1 h; do sleep 1;done": "ping sleep",
		"(cd a; { ls; })":                     "cd ls",
		`echo "a; rm -rf b" 'c && d'`:         "echo",
		`"my prog" x; git\ x`:                 "my prog git x",
		"cat <<EOF | sh\nrm x\nEOF":           "cat sh",
		"cat <<< x; ls":                       "cat ls",
		"make 2>&1 >out.txt && ls":            "make ls",
		">out date":                           "date",
		"ls # ; rm\npwd":                      "ls pwd",
		"$CMD x; ls*":                         "",
		"`which y` z":                         "which",
		"2>/dev/null red1 x":                  "red1",
		"2>&1 sed q":                          "sed",
		">o 2>>p red2":                        "red2",
		"A=1 2>x B=2 3<y cmd 4>z arg":         "cmd",
		"2 >x red3":                           "2",
		"sudo 2>/dev/null id":                 "sudo id",
		"echo `curlx y` z":                    "echo curlx",
		"x=`wget y` ; ls":                     "wget ls",
		"x=`wget y` make":                     "wget make",
		"echo x`a`y z":                        "echo a",
		"echo 'a `b` c'":                      "echo",
		"echo `a; b`; c":                      "echo a b c",
		"echo \\`a\\` b":                      "echo",
		"echo $(dollar z) x; y":               "echo dollar x y",
		"[ -f x ] && [[ a = b ]] || true":     "true",
		"ls; ls; ls":                          "ls",
		"a|b|c":                               "a b c",
		"echo 'unclosed; rm":                  "echo",
		`echo \`:                              "echo",
		"git commit -m 'a\nb'\nls":            "git ls",
		"xargs -0 rm":                         "xargs",
		"find . | xargs grep x":               "find xargs grep",
	} {
		got := strings.Join(appendPrograms(nil, command), " ")
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%q: got %q, want %q", command, got, want)
		}
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add("cd /srv && FOO=1 sudo make 2>&1 | tee log; cat <<EOF\nx\nEOF")
	f.Add("a='b c' \"d\\\"e\" >x <y (z) # w\n&|;")
	f.Fuzz(func(t *testing.T, command string) {
		names := appendPrograms(nil, command)
		if len(names) > maxPrograms {
			t.Errorf("%d programs", len(names))
		}
		for i, name := range names {
			if name == "" || strings.Contains(name, "/") || strings.Contains(strings.Join(names[:i], "\x01"), "\x01"+name+"\x01") {
				t.Errorf("%q: program %d is %q", command, i, name)
			}
		}
	})
}
