package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/centrifugal/protocol"
	"github.com/gorilla/websocket"
	"google.golang.org/protobuf/proto"
)

// patience is how long an expected message may take. Timers of the scenarios are shorter.
const patience = 8 * time.Second

// command is something the product does.
type command struct {
	Do      string          `json:"do"`
	Channel string          `json:"channel,omitempty"`
	User    string          `json:"user,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Live    bool            `json:"live,omitempty"`
	Code    uint32          `json:"code,omitempty"`
}

// step is one line of a transcript.
type step struct {
	Open    string            `json:"open,omitempty"`
	Server  *command          `json:"server,omitempty"`
	On      string            `json:"on,omitempty"`
	Send    []json.RawMessage `json:"send,omitempty"`
	Raw     *string           `json:"raw,omitempty"`
	Receive any               `json:"receive,omitempty"`
	Closed  *ending           `json:"closed,omitempty"`
	expect  int
}

type ending struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

// socket is a client connection; a nil message is the end.
type socket struct {
	ws     *websocket.Conn
	format string
	in     chan []byte
	end    ending
}

func dial(url, format string) (*socket, error) {
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	if format == "protobuf" {
		dialer.Subprotocols = []string{"centrifuge-protobuf"}
	}
	ws, answer, err := dialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	_ = answer.Body.Close()
	s := &socket{ws: ws, format: format, in: make(chan []byte, 4096)}
	go s.pump()
	return s, nil
}

func (s *socket) pump() {
	defer close(s.in)
	for {
		_, frame, err := s.ws.ReadMessage()
		if err != nil {
			var closed *websocket.CloseError
			if errors.As(err, &closed) {
				s.end = ending{closed.Code, closed.Text}
			}
			if s.end.Code == websocket.CloseAbnormalClosure {
				s.end.Reason = "" // What the client's library says of a socket that was just dropped.
			}
			return
		}
		messages, err := split(s.format, frame)
		if err != nil {
			s.end = ending{0, err.Error()}
			return
		}
		for _, m := range messages {
			s.in <- m
		}
	}
}

// split takes a frame apart; every message becomes JSON.
func split(format string, frame []byte) ([][]byte, error) {
	if format == "json" {
		return bytes.Split(bytes.TrimSuffix(frame, []byte("\n")), []byte("\n")), nil
	}
	var out [][]byte
	if bytes.Equal(frame, []byte{0}) {
		return [][]byte{[]byte("{}")}, nil
	}
	decoder := protocol.NewProtobufReplyDecoder(frame)
	for {
		reply, err := decoder.Decode()
		if reply != nil {
			if history := reply.History; history != nil && history.Publications == nil {
				history.Publications = []*protocol.Publication{} // Protobuf does not tell them apart.
			}
			text, encodeErr := protocol.NewJSONReplyEncoder().Encode(reply)
			if encodeErr != nil {
				return nil, encodeErr
			}
			out = append(out, bytes.Clone(text))
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// write sends commands as one frame.
func (s *socket) write(commands []string) error {
	if s.format == "json" {
		return s.ws.WriteMessage(websocket.TextMessage, []byte(strings.Join(commands, "\n")))
	}
	var frame []byte
	for _, text := range commands {
		cmd, err := protocol.NewJSONCommandDecoder([]byte(text)).Decode()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		message, err := proto.Marshal(cmd)
		if err != nil {
			return err
		}
		frame = appendUvarint(frame, uint64(len(message)))
		frame = append(frame, message...)
	}
	return s.ws.WriteMessage(websocket.BinaryMessage, frame)
}

func appendUvarint(to []byte, n uint64) []byte {
	for n >= 0x80 {
		to = append(to, byte(n)|0x80)
		n >>= 7
	}
	return append(to, byte(n))
}

// play runs a scenario against a fresh engine and returns its transcript.
func play(s scenario, format string) ([]step, error) {
	engine, err := start(s.settings)
	if err != nil {
		return nil, err
	}
	defer engine.stop()
	p := player{engine: engine, format: format, sockets: map[string]*socket{}, names: names{}}
	for i, todo := range s.steps {
		if err := p.step(todo); err != nil {
			return nil, fmt.Errorf("%s, step %d (%s): %w", s.name, i, format, err)
		}
	}
	// A last question to everybody left: what came before its answer, and is not in the script, shows.
	for _, todo := range s.steps {
		if p.sockets[todo.Open] == nil {
			continue
		}
		for _, last := range say(todo.Open, 1, `{"id":9999,"rpc":{"method":"echo","data":"the end"}}`) {
			if err := p.step(last); err != nil {
				return nil, fmt.Errorf("%s, the end (%s): %w", s.name, format, err)
			}
		}
	}
	return p.out, nil
}

type player struct {
	engine  *reference
	format  string
	sockets map[string]*socket
	names   names
	out     []step
}

func (p *player) step(todo step) error {
	p.out = append(p.out, todo)
	switch {
	case todo.Open != "":
		open, err := dial(p.engine.url, p.format)
		p.sockets[todo.Open] = open
		return err
	case todo.Server != nil:
		return p.engine.do(todo.Server)
	}
	open := p.sockets[todo.On]
	switch {
	case todo.Raw != nil:
		if err := open.ws.WriteMessage(websocket.TextMessage, []byte(*todo.Raw)); err != nil {
			return err
		}
	case todo.Send != nil:
		var commands []string
		for _, c := range todo.Send {
			commands = append(commands, p.names.put(string(c)))
		}
		if err := open.write(commands); err != nil {
			return err
		}
	default:
		p.out = p.out[:len(p.out)-1] // Only reads.
	}
	return p.read(todo.On, open, todo.expect)
}

func (p *player) read(name string, open *socket, expect int) error {
	for ; expect > 0; expect-- {
		select {
		case message, more := <-open.in:
			if !more {
				if expect != 1 || open.end.Code == 0 {
					return fmt.Errorf("ended %+v with %d messages missing", open.end, expect)
				}
				end := open.end
				p.out = append(p.out, step{On: name, Closed: &end})
				delete(p.sockets, name)
				return nil
			}
			var value map[string]any
			decoder := json.NewDecoder(bytes.NewReader(message))
			decoder.UseNumber()
			if err := decoder.Decode(&value); err != nil {
				return err
			}
			p.names.learn(name, value)
			p.out = append(p.out, step{On: name, Receive: p.names.take("", value)})
		case <-time.After(patience):
			return fmt.Errorf("%d messages missing", expect)
		}
	}
	return nil
}

// names stand for what differs from run to run: clients by their connection, epochs in order of appearance.
type names map[string]string

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func (n names) learn(connection string, message map[string]any) {
	if connect, ok := message["connect"].(map[string]any); ok {
		if client, ok := connect["client"].(string); ok {
			n[client] = "client " + connection
		}
	}
}

// put writes real values into a command.
func (n names) put(text string) string {
	for real, name := range n {
		text = strings.ReplaceAll(text, `"`+name+`"`, `"`+real+`"`)
	}
	return text
}

// take writes names into a message.
func (n names) take(key string, value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		// In order of their names, so that epochs are numbered alike in every run.
		for _, k := range sorted(v) {
			to := k
			if uuid.MatchString(k) && n[k] != "" {
				to = n[k]
			}
			out[to] = n.take(k, v[k])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = n.take(key, v[i])
		}
		return out
	case string:
		switch {
		case key == "version", key == "node", key == "session":
			return key
		case key == "epoch" && v != "" && n[v] == "":
			epochs := 1
			for _, name := range n {
				if strings.HasPrefix(name, "epoch ") {
					epochs++
				}
			}
			n[v] = fmt.Sprintf("epoch %d", epochs)
		}
		if name := n[v]; name != "" {
			return name
		}
		return v
	case json.Number:
		if key == "time" {
			return "time"
		}
		if seconds, err := v.Int64(); key == "ttl" && err == nil {
			// In tens: seconds may have begun between the token and the answer.
			return (seconds + 9) / 10 * 10
		}
		return v
	}
	return value
}

func sorted(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
