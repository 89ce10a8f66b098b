package risk

import (
	"strings"
)

func secretRules() []entry[rule] {
	return []entry[rule]{
		{"printenv", (*walker).printenv},
		{"security", (*walker).keychain},
		{"gpg", (*walker).gpg},
	}
}

// secretPatterns are commands that print credentials.
var secretPatterns = []pattern{
	{"pass show|ls|-c", "", High, "secret-read", "pass prints a password"},
	{"op item|read|document get|*://*", "", High, "secret-read", "op prints a secret"},
	{"op read", "", High, "secret-read", "op prints a secret"},
	{"bw get|list|export", "", High, "secret-read", "bw prints a secret"},
	{"lpass show|export", "", High, "secret-read", "lpass prints a secret"},
	{"vault kv get", "", High, "secret-read", "vault prints a secret"},
	{"vault read|print|token", "", High, "secret-read", "vault prints a secret"},
	{"aws secretsmanager get-secret-value|batch-get-secret-value", "", High, "secret-read", "aws prints a secret"},
	{"aws ssm get-parameter|get-parameters|get-parameters-by-path", "with-decryption", High, "secret-read", "aws prints a secret"},
	{"aws configure get|export-credentials", "", High, "secret-read", "aws prints credentials"},
	{"aws ecr get-login-password", "", Medium, "secret-read", "aws prints a login"},
	{"gcloud auth print-access-token|print-identity-token", "", High, "secret-read", "gcloud prints a token"},
	{"gcloud auth application-default print-access-token", "", High, "secret-read", "gcloud prints a token"},
	{"gcloud secrets versions access", "", High, "secret-read", "gcloud prints a secret"},
	{"az account get-access-token", "", High, "secret-read", "az prints a token"},
	{"az keyvault secret show|download", "", High, "secret-read", "az prints a secret"},
	{"gh auth token", "", High, "secret-read", "gh prints a token"},
	{"heroku config|auth:token", "", Medium, "secret-read", "heroku prints settings with secrets"},
	{"doppler secrets", "", High, "secret-read", "doppler prints secrets"},
	{"sops", "d|decrypt", High, "secret-read", "sops prints a secret"},
	{"sops decrypt", "", High, "secret-read", "sops prints a secret"},
	{"ansible-vault view|decrypt", "", High, "secret-read", "ansible-vault prints a secret"},
	{"secret-tool lookup|search", "", High, "secret-read", "secret-tool prints a password"},
	{"kwallet-query", "", High, "secret-read", "prints a password"},
	{"cmdkey|vaultcmd", "", High, "secret-read", "prints stored logins"},
	{"terraform output", "raw|json", Medium, "secret-read", "terraform prints outputs, secret ones too"},
	{"unshadow", "", High, "secret-read", "puts password hashes together"},
}

// notReaders are commands whose arguments may name a file of secrets without
// anything of it getting out: they look at names, or use a key for what it
// is there for.
var notReaders = "echo printf ls stat test [ [[ chmod chown chgrp mkdir rmdir touch rm shred ssh ssh-add ssh-keygen sftp mosh git find which type " +
	"file basename dirname realpath readlink du df man whatis apropos export cd pushd popd true false : kubectl helm docker aws gcloud gh go npm npx yarn pnpm make " +
	"terraform ansible ansible-playbook cargo dotenv stow tee alias unset help tldr info setfacl chattr lsattr getfacl ln unlink truncate tree exa eza id " +
	"docker-compose node python pytest vitest jest uvicorn gunicorn set read inotifywait sudo trap kill mv say logger wall notify-send commit expr seq sleep wc md5sum sha256sum curl wget scp rsync sshpass http https xh aria2c " +
	"get-childitem get-item test-path resolve-path join-path split-path remove-item ri rd del erase where-object"

// secretArguments judges the files of secrets among a call's arguments and
// keeps what is read for where the output goes.
func (w *walker) secretArguments(c *call) {
	if containsField(notReaders, c.name) {
		return
	}
	args := c.args
	if containsField("grep rg ag ack sed awk jq yq", c.name) {
		args = withoutPattern(c)
	}
	for _, a := range args {
		for _, x := range fileCandidates(a) {
			if f := w.fileFlow(x); f.tainted() {
				c.read = c.read.merge(f)
				continue
			}
			if _, ok := w.secretOf(x); ok {
				c.read = c.read.merge(w.readFile(x))
			}
		}
	}
}

// withoutPattern returns the arguments without the first operand, which for
// these commands is a pattern or a program.
func withoutPattern(c *call) []word {
	o := parseOptions(c.args, "e f A B C m regexp file include exclude exclude-dir glob g t type max-count context v F arg argjson")
	var out []word
	if f, ok := o.get("f", "file"); ok {
		out = append(out, f)
	}
	operands := o.operands
	if len(operands) > 0 && !o.has("e", "regexp", "f", "file") {
		operands = operands[1:]
	}
	return append(out, operands...)
}

// fileCandidates are the file names that an argument may hold: itself, and
// what follows "=" or "@" in it.
func fileCandidates(a word) []word {
	out := []word{a}
	if strings.HasPrefix(a.text, "--env-file") || strings.HasPrefix(a.text, "--exclude") || strings.HasPrefix(a.text, "--include") {
		return nil
	}
	for _, sep := range []string{"=", "@"} {
		if _, after, ok := strings.Cut(a.text, sep); ok && after != "" && after != "-" {
			out = append(out, a.part(after))
		}
	}
	return out
}

func (w *walker) printenv(c *call) {
	for _, x := range c.args {
		if secretName(x.text) {
			w.report(Medium, "secret-read", "prints the variable "+x.text)
		}
	}
}

func (w *walker) keychain(c *call) {
	o := parseOptions(c.args, "a s l D")
	switch o.operand(0) {
	case "find-generic-password", "find-internet-password", "dump-keychain", "export":
		w.report(High, "secret-read", "security prints keychain items")
		c.read = c.read.merge(flow{some: true, secret: "a keychain item"})
	case "delete-keychain", "delete-generic-password", "add-trusted-cert", "authorizationdb", "set-keychain-settings":
		w.report(High, "security-off", "security changes the keychain or whom to trust")
	}
}

func (w *walker) gpg(c *call) {
	o := parseOptions(c.args, "o output r recipient u local-user homedir")
	if o.has("export-secret-keys", "export-secret-subkeys") {
		w.report(High, "secret-read", "gpg prints private keys")
		c.read = c.read.merge(flow{some: true, secret: "private GnuPG keys"})
	}
	if o.has("delete-secret-keys", "delete-secret-key", "delete-secret-and-public-key") {
		w.report(High, "key-delete", "gpg removes private keys")
	}
}
