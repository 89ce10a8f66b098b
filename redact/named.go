package redact

// Named masks the secrets in a text that stands under a name, a label for instance: all of it where the name is that of a
// secret, else as [Text] does. Where nothing is to be masked it returns text itself and 0.
func Named(name, text string) (string, int) { return (*Masker)(nil).Named(name, text) }

// Named masks as the function [Named] does.
func (m *Masker) Named(name, text string) (string, int) {
	if text == "" || len(name) >= maxName {
		return m.Text(text)
	}
	if secret, ok := lookup(name); ok && !secret.query {
		if masked, n := m.maskArg(text, value{end: len(text), quote: '"'}, secret); n > 0 {
			return masked, n
		}
	}
	return m.Text(text)
}
