// Command recorder plays scripted client sessions against the reference engine and writes down what it answers.
//
// The transcripts go into the directory that is its argument; tests replay them against the hub.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"sort"
	"strings"
)

const module = "github.com/centrifugal/centrifuge"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: recorder <directory of the transcripts>")
		os.Exit(2)
	}
	if err := record(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func record(directory string) error {
	written := map[string]bool{}
	for _, s := range scenarios() {
		formats := []string{"json", "protobuf"}
		if s.jsonOnly {
			formats = formats[:1]
		}
		var first []byte
		for _, format := range formats {
			steps, err := play(s, format)
			if err != nil {
				return err
			}
			text, err := transcript(s, formats, steps)
			if err != nil {
				return err
			}
			if first == nil {
				first = text
			} else if !bytes.Equal(first, text) {
				return fmt.Errorf("%s differs between the formats:\n%s\n%s", s.name, first, text)
			}
		}
		name := s.name + ".json"
		if written[name] {
			return fmt.Errorf("two scenarios are called %s", s.name)
		}
		written[name] = true
		if err := os.WriteFile(filepath.Join(directory, name), first, 0o644); err != nil {
			return err
		}
	}
	fmt.Println(len(written), "transcripts of", module, version())
	return forget(directory, written)
}

// forget removes transcripts of scenarios that are no more.
func forget(directory string, written map[string]bool) error {
	found, err := filepath.Glob(filepath.Join(directory, "*.json"))
	for _, path := range found {
		if !written[filepath.Base(path)] {
			err = os.Remove(path)
		}
	}
	return err
}

// transcript has one line for each step.
func transcript(s scenario, formats []string, steps []step) ([]byte, error) {
	var out bytes.Buffer
	line := func(value any) (string, error) {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(value)
		return strings.TrimSpace(text.String()), err
	}
	var settings []string
	for name, value := range s.settings {
		settings = append(settings, fmt.Sprintf("%s=%d", name, value))
	}
	sort.Strings(settings)
	head := []struct {
		key   string
		value any
	}{{"about", s.about}, {"engine", module + " " + version()}, {"formats", formats}, {"settings", settings}}
	out.WriteString("{\n")
	for _, h := range head {
		if h.key == "settings" && settings == nil {
			continue
		}
		text, err := line(h.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&out, " %q: %s,\n", h.key, text)
	}
	out.WriteString(" \"steps\": [\n")
	for i, st := range steps {
		text, err := line(st)
		if err != nil {
			return nil, err
		}
		comma := ","
		if i == len(steps)-1 {
			comma = ""
		}
		fmt.Fprintf(&out, "  %s%s\n", text, comma)
	}
	out.WriteString(" ]\n}\n")
	return out.Bytes(), nil
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version
			}
		}
	}
	return "of unknown version"
}
