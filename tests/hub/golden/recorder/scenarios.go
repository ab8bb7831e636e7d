package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// scenario is a script for clients and product.
type scenario struct {
	name  string
	about string
	// settings are those of the example server, in milliseconds.
	settings map[string]int
	// jsonOnly scenarios hold text that is no command, or fields that not every client library can write.
	jsonOnly bool
	steps    []step
}

func open(name string) []step { return []step{{Open: name}} }

// say sends one frame; so many messages, the end included, come back.
func say(on string, expect int, commands ...string) []step {
	s := step{On: on, expect: expect}
	for _, c := range commands {
		s.Send = append(s.Send, json.RawMessage(c))
	}
	return []step{s}
}

func raw(on string, expect int, text string) []step {
	return []step{{On: on, Raw: &text, expect: expect}}
}

func hear(on string, messages int) []step { return []step{{On: on, expect: messages}} }

func product(c command) []step { return []step{{Server: &c}} }

func publish(channel string, from, to int) (steps []step) {
	for n := from; n <= to; n++ {
		data := fmt.Appendf(nil, `{"n":%d}`, n)
		steps = append(steps, step{Server: &command{Do: "publish", Channel: channel, Data: data}})
	}
	return steps
}

// login opens a connection for a user; the first letter of both is the same.
func login(on, user string) []step {
	return slices.Concat(open(on), say(on, 1, fmt.Sprintf(`{"id":1,"connect":{"token":"token:%s"}}`, user)))
}

func script(parts ...[]step) []step { return slices.Concat(parts...) }

func scenarios() []scenario {
	return slices.Concat(connecting(), frames(), subscribing(), recovering(), asking(), leaving())
}

func connecting() []scenario {
	return []scenario{
		{name: "connect", about: "connect with a good token; the personal channel comes with it",
			steps: login("a", "alice")},
		{name: "connect_named", about: "connect with everything SDKs add",
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{"token":"token:alice","name":"js","version":"1.0","data":{"x":1}}}`))},
		{name: "connect_twice", about: "a second connect on one connection",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"connect":{"token":"token:alice"}}`))},
		{name: "connect_id_zero", about: "connect without an id",
			steps: script(open("a"), say("a", 1, `{"connect":{"token":"token:alice"}}`))},
		{name: "connect_no_token", about: "connect without a token",
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{}}`))},
		{name: "connect_altered_token", about: "a token with another signature",
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{"token":"token:alice:altered"}}`))},
		{name: "connect_expired_token", about: "an expired token; the connection is dead afterwards",
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{"token":"token:alice:expired"}}`))},
		{name: "connect_and_all_in_one_frame", about: "the first frame of an SDK: connect and what it is subscribed to",
			steps: script(open("a"), say("a", 3, `{"id":1,"connect":{"token":"token:alice"}}`,
				`{"id":2,"subscribe":{"channel":"room:a"}}`, `{"id":3,"rpc":{"method":"echo","data":{"x":1}}}`))},
		{name: "connect_expired_and_more_in_one_frame", about: "commands behind a connect that is refused",
			steps: script(open("a"), say("a", 2, `{"id":1,"connect":{"token":"token:alice:expired"}}`,
				`{"id":2,"subscribe":{"channel":"room:a"}}`))},
		{name: "connect_recovers_personal", about: "the personal channel's missed publication comes with the connect reply",
			steps: script(login("a", "alice"), publish("user:#alice", 1, 1), hear("a", 1), publish("user:#alice", 2, 3), hear("a", 2),
				open("b"), say("b", 1, `{"id":1,"connect":{"token":"token:alice","subs":{"user:#alice":{"recover":true,"offset":1,"epoch":"epoch 1"}}}}`))},
		{name: "connect_cannot_recover_personal", about: "the same with a foreign epoch",
			steps: script(login("a", "alice"), publish("user:#alice", 1, 2), hear("a", 2),
				open("b"), say("b", 1, `{"id":1,"connect":{"token":"token:alice","subs":{"user:#alice":{"recover":true,"offset":1,"epoch":"foreign"}}}}`))},
		{name: "connect_remembers_more", about: "positions of channels that are not the server's to subscribe",
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{"token":"token:alice","subs":{"room:a":{"recover":true,"offset":1,"epoch":"foreign"},"nowhere:a":{}}}}`))},
		{name: "refresh", about: "a new token in time, then one of another user",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"refresh":{"token":"token:alice:ttl=1200"}}`),
				say("a", 1, `{"id":3,"refresh":{"token":"token:bob"}}`))},
		{name: "refresh_expired", about: "a new token that is expired too",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"refresh":{"token":"token:alice:expired"}}`))},
		{name: "refresh_altered", about: "a new token that is not good",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"refresh":{"token":"token:alice:altered"}}`))},
		{name: "refresh_no_token", about: "refresh without a token",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"refresh":{}}`))},
		{name: "expiry", about: "no new token within the grace", settings: map[string]int{"grace_ms": 500},
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{"token":"token:alice:ttl=2"}}`), hear("a", 1))},
	}
}

func frames() []scenario {
	one := func(name, about string, jsonOnly bool, command string) scenario {
		return scenario{name: name, about: about, jsonOnly: jsonOnly, steps: script(login("a", "alice"), say("a", 1, command))}
	}
	text := func(name, about, frame string, answers int) scenario {
		return scenario{name: name, about: about, jsonOnly: true, steps: script(login("a", "alice"), raw("a", answers, frame))}
	}
	return []scenario{
		{name: "before_connect", about: "a command before connect",
			steps: script(open("a"), say("a", 1, `{"id":1,"subscribe":{"channel":"room:a"}}`))},
		{name: "pong_before_connect", about: "a pong before connect", steps: script(open("a"), say("a", 1, `{}`))},
		{name: "two_in_a_frame", about: "two commands in one frame",
			steps: script(login("a", "alice"), say("a", 2, `{"id":2,"unsubscribe":{"channel":"room:a"}}`, `{"id":3,"rpc":{"method":"echo","data":1}}`))},
		{name: "same_id", about: "an id used twice",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"rpc":{"method":"echo","data":1}}`), say("a", 1, `{"id":2,"rpc":{"method":"echo","data":2}}`))},
		one("id_zero", "a command without an id", false, `{"rpc":{"method":"echo","data":1}}`),
		one("no_body", "an id and nothing else", false, `{"id":2}`),
		one("ping_command", "the command that no SDK sends", false, `{"id":2,"ping":{}}`),
		one("send", "one-way data", false, `{"send":{"data":{"x":1}}}`),
		one("send_with_id", "one-way data with an id", false, `{"id":2,"send":{"data":{"x":1}}}`),
		one("unsolicited_pong", "a pong that answers no ping", false, `{}`),
		one("two_bodies", "a command with two bodies", true, `{"id":2,"rpc":{"method":"echo","data":1},"unsubscribe":{"channel":"room:a"}}`),
		one("unknown_command", "a command nobody knows", true, `{"id":2,"dance":{}}`),
		one("unknown_fields", "fields nobody knows", true, `{"id":2,"later":1,"rpc":{"method":"echo","data":1,"soon":{"x":[]}}}`),
		text("malformed", "no JSON", `{"id":2,"rpc":`, 1),
		text("array", "JSON, but no object", `[{"id":2}]`, 1),
		text("good_then_malformed", "a good command and no JSON in one frame", "{\"id\":2,\"unsubscribe\":{\"channel\":\"room:a\"}}\n{x", 2),
		text("empty_frame", "an empty frame", "", 1),
		text("blank_line", "a blank line between commands", "{\"id\":2,\"unsubscribe\":{\"channel\":\"room:a\"}}\n\n{\"id\":3,\"unsubscribe\":{\"channel\":\"room:a\"}}", 2),
		text("trailing_newline", "a newline at the end", "{\"id\":2,\"rpc\":{\"method\":\"echo\",\"data\":1}}\n", 1),
		text("crlf", "carriage returns", "{\"id\":2,\"rpc\":{\"method\":\"echo\",\"data\":1}}\r\n{\"id\":3,\"rpc\":{\"method\":\"echo\",\"data\":2}}\r\n", 2),
		text("negative_id", "an id below zero", `{"id":-1,"rpc":{"method":"echo","data":1}}`, 1),
		text("id_as_text", "an id that is text", `{"id":"2","rpc":{"method":"echo","data":1}}`, 1),
		text("large_id", "the largest id", `{"id":4294967295,"rpc":{"method":"echo","data":1}}`, 1),
		text("too_large_id", "an id beyond 32 bits", `{"id":4294967296,"rpc":{"method":"echo","data":1}}`, 1),
		{name: "too_long", about: "a message above 64 KiB", jsonOnly: true,
			steps: script(login("a", "alice"), raw("a", 1, `{"id":2,"rpc":{"method":"echo","data":"`+strings.Repeat("x", 64*1024)+`"}}`))},
		{name: "stale", about: "no connect in time", settings: map[string]int{"stale_ms": 400}, steps: script(open("a"), hear("a", 1))},
		{name: "stale_after_refusal", about: "nothing follows a refused connect", settings: map[string]int{"stale_ms": 1500},
			steps: script(open("a"), say("a", 1, `{"id":1,"connect":{"token":"token:alice:expired"}}`), hear("a", 1))},
		{name: "ping_pong", about: "a ping, its pong, the next ping", settings: map[string]int{"ping_ms": 1000, "pong_ms": 900},
			steps: script(login("a", "alice"), hear("a", 1), say("a", 1, `{}`), say("a", 0, `{}`))},
		{name: "two_pongs", about: "two pongs for one ping", settings: map[string]int{"ping_ms": 1000, "pong_ms": 900},
			steps: script(login("a", "alice"), hear("a", 1), say("a", 1, `{}`, `{}`))},
		{name: "no_pong", about: "a ping that is not answered", settings: map[string]int{"ping_ms": 1000, "pong_ms": 900},
			steps: script(login("a", "alice"), hear("a", 2))},
	}
}

func subscribing() []scenario {
	one := func(name, about string, jsonOnly bool, command string) scenario {
		return scenario{name: name, about: about, jsonOnly: jsonOnly, steps: script(login("a", "alice"), say("a", 1, command))}
	}
	var many [][]step
	for n := range 129 {
		many = append(many, say("a", 1, fmt.Sprintf(`{"id":%d,"subscribe":{"channel":"test:%d"}}`, n+2, n)))
	}
	return []scenario{
		one("subscribe", "a fresh channel", false, `{"id":2,"subscribe":{"channel":"room:a"}}`),
		one("subscribe_as_js", "with what the JavaScript SDK adds", false, `{"id":2,"subscribe":{"channel":"room:a","recoverable":true,"positioned":true,"join_leave":true,"flag":1}}`),
		{name: "subscribe_then_publications", about: "publications of the server, with and without history",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"chat:a"}}`), publish("chat:a", 1, 2), hear("a", 2),
				product(command{Do: "publish", Channel: "chat:a", Data: json.RawMessage(`{"live":true}`), Live: true}), hear("a", 1), publish("chat:a", 3, 3), hear("a", 1))},
		{name: "subscribe_busy_channel", about: "a channel with history, without a position",
			steps: script(publish("chat:a", 1, 5), login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"chat:a"}}`))},
		{name: "subscribe_twice", about: "already subscribed",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), say("a", 1, `{"id":3,"subscribe":{"channel":"room:a"}}`))},
		one("subscribe_unknown", "no such namespace", false, `{"id":2,"subscribe":{"channel":"nowhere:a"}}`),
		one("subscribe_no_namespace", "a name without a namespace", false, `{"id":2,"subscribe":{"channel":"a"}}`),
		one("subscribe_denied", "the application says no", false, `{"id":2,"subscribe":{"channel":"room:denied"}}`),
		one("subscribe_other_personal", "somebody else's personal channel", false, `{"id":2,"subscribe":{"channel":"user:#bob"}}`),
		one("subscribe_own_personal", "the personal channel, which the server has subscribed", false, `{"id":2,"subscribe":{"channel":"user:#alice"}}`),
		one("subscribe_empty", "no channel", false, `{"id":2,"subscribe":{}}`),
		one("subscribe_long", "a name of 256 bytes", false, `{"id":2,"subscribe":{"channel":"room:`+strings.Repeat("x", 251)+`"}}`),
		one("subscribe_longest", "a name of 255 bytes", false, `{"id":2,"subscribe":{"channel":"room:`+strings.Repeat("x", 250)+`"}}`),
		one("subscribe_delta", "deltas, which are not offered", false, `{"id":2,"subscribe":{"channel":"room:a","delta":"fossil"}}`),
		one("subscribe_delta_unknown", "deltas nobody knows", false, `{"id":2,"subscribe":{"channel":"room:a","delta":"x"}}`),
		one("subscribe_filter", "a filter, which is not offered", true, `{"id":2,"subscribe":{"channel":"room:a","tf":{"op":"eq","key":"k","cmp":"eq","val":"v"}}}`),
		one("subscribe_map", "a map, which is not offered", true, `{"id":2,"subscribe":{"channel":"room:a","type":1}}`),
		one("subscribe_shared_poll", "a shared poll, which is not offered", true, `{"id":2,"subscribe":{"channel":"room:a","type":4}}`),
		{name: "subscribe_129", about: "one channel more than a connection may have", steps: script(login("a", "alice"), script(many...))},
		{name: "unsubscribe", about: "unsubscribe, twice, and subscribe again",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), say("a", 1, `{"id":3,"unsubscribe":{"channel":"room:a"}}`),
				say("a", 1, `{"id":4,"unsubscribe":{"channel":"room:a"}}`), publish("room:a", 1, 1), say("a", 1, `{"id":5,"subscribe":{"channel":"room:a"}}`))},
		one("unsubscribe_unknown", "no such namespace", false, `{"id":2,"unsubscribe":{"channel":"nowhere:a"}}`),
		one("unsubscribe_empty", "no channel", false, `{"id":2,"unsubscribe":{}}`),
		{name: "subscribe_and_unsubscribe_in_one_frame", about: "the order of one channel's commands",
			steps: script(login("a", "alice"), say("a", 3, `{"id":2,"subscribe":{"channel":"room:a"}}`, `{"id":3,"unsubscribe":{"channel":"room:a"}}`, `{"id":4,"subscribe":{"channel":"room:a"}}`))},
		{name: "server_subscribe", about: "the server subscribes and ends it",
			steps: script(login("a", "alice"), publish("chat:a", 1, 2), product(command{Do: "subscribe", User: "alice", Channel: "chat:a"}), hear("a", 1), publish("chat:a", 3, 3), hear("a", 1),
				product(command{Do: "unsubscribe", User: "alice", Channel: "chat:a"}), hear("a", 1), publish("chat:a", 4, 4))},
		{name: "server_unsubscribe", about: "the server ends what the client asked for",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), product(command{Do: "unsubscribe", User: "alice", Channel: "room:a"}), hear("a", 1))},
		{name: "server_unsubscribe_nothing", about: "the server ends what is not there",
			steps: script(login("a", "alice"), product(command{Do: "unsubscribe", User: "alice", Channel: "room:a"}))},
		one("sub_refresh_not_subscribed", "a token for no subscription", false, `{"id":2,"sub_refresh":{"channel":"room:a","token":"token:alice"}}`),
		one("sub_refresh_empty", "no channel", false, `{"id":2,"sub_refresh":{"token":"token:alice"}}`),
		{name: "sub_refresh_no_token", about: "a subscription without an end, no token",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), say("a", 1, `{"id":3,"sub_refresh":{"channel":"room:a"}}`))},
		{name: "sub_refresh", about: "a subscription without an end",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), say("a", 1, `{"id":3,"sub_refresh":{"channel":"room:a","token":"token:alice"}}`))},
	}
}

// recovering: somebody learns the epoch, publications follow, somebody comes with a position. The first epoch of a
// connection is that of the personal channel.
func recovering() []scenario {
	come := func(name, about, channel string, published int, position string) scenario {
		return scenario{name: name, about: about, steps: script(login("a", "alice"),
			say("a", 1, fmt.Sprintf(`{"id":2,"subscribe":{"channel":%q}}`, channel)), say("a", 1, fmt.Sprintf(`{"id":3,"unsubscribe":{"channel":%q}}`, channel)),
			publish(channel, 1, published),
			say("a", 1, fmt.Sprintf(`{"id":4,"subscribe":{"channel":%q,"recover":true,%s}}`, channel, position)))}
	}
	return []scenario{
		come("recover", "some publications were missed", "chat:a", 5, `"offset":2,"epoch":"epoch 2"`),
		come("recover_nothing_missed", "none was missed", "chat:a", 5, `"offset":5,"epoch":"epoch 2"`),
		come("recover_from_zero", "all were missed", "chat:a", 3, `"epoch":"epoch 2"`),
		come("recover_nothing_at_all", "there never was one", "chat:a", 0, `"epoch":"epoch 2"`),
		come("recover_wrong_epoch", "another epoch", "chat:a", 5, `"offset":2,"epoch":"foreign"`),
		come("recover_wrong_epoch_at_top", "another epoch, nothing missed", "chat:a", 5, `"offset":5,"epoch":"foreign"`),
		come("recover_no_epoch", "without an epoch", "chat:a", 5, `"offset":2`),
		come("recover_beyond_top", "an offset that was never given", "chat:a", 5, `"offset":6,"epoch":"epoch 2"`),
		come("recover_full_history", "as many missed as are kept", "chat:a", 100, `"offset":0,"epoch":"epoch 2"`),
		come("recover_too_old", "one more missed than is kept", "chat:a", 101, `"offset":0,"epoch":"epoch 2"`),
		come("recover_too_old_flag", "the same, and the client wants an error", "chat:a", 101, `"flag":2,"offset":0,"epoch":"epoch 2"`),
		come("recover_300", "as many missed as one recovery gives", "test:a", 300, `"offset":0,"epoch":"epoch 2"`),
		come("recover_301", "one more", "test:a", 301, `"offset":0,"epoch":"epoch 2"`),
		{name: "position_without_recover", about: "a position, but no wish to recover",
			steps: script(publish("chat:a", 1, 3), login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"chat:a","offset":1,"epoch":"foreign"}}`))},
		{name: "recover_no_offset_wish", about: "recover from a channel that nobody has seen yet",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"chat:new","recover":true}}`))},
		{name: "recover_then_live", about: "the stream goes on behind the recovered",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), say("a", 1, `{"id":3,"unsubscribe":{"channel":"room:a"}}`),
				publish("room:a", 1, 2), say("a", 1, `{"id":4,"subscribe":{"channel":"room:a","recover":true,"epoch":"epoch 2"}}`), publish("room:a", 3, 3), hear("a", 1))},
		{name: "live_only_moves_no_position", about: "publications without history while away",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), publish("room:a", 1, 1), hear("a", 1), say("a", 1, `{"id":3,"unsubscribe":{"channel":"room:a"}}`),
				product(command{Do: "publish", Channel: "room:a", Data: json.RawMessage(`1`), Live: true}), say("a", 1, `{"id":4,"subscribe":{"channel":"room:a","recover":true,"offset":1,"epoch":"epoch 2"}}`))},
	}
}

// asking is publish, presence, history and functions.
func asking() []scenario {
	one := func(name, about, command string) scenario {
		return scenario{name: name, about: about, steps: script(login("a", "alice"), say("a", 1, command))}
	}
	in := func(channel string) []step {
		return script(login("a", "alice"), say("a", 1, fmt.Sprintf(`{"id":2,"subscribe":{"channel":%q}}`, channel)))
	}
	ask := func(name, about, channel, command string) scenario {
		return scenario{name: name, about: about, steps: script(in(channel), say("a", 1, command))}
	}
	history := func(name, about, request string) scenario {
		return scenario{name: name, about: about, steps: script(publish("chat:a", 1, 6), in("chat:a"), say("a", 1, `{"id":3,"history":{"channel":"chat:a"`+request+`}}`))}
	}
	crowd := script(in("room:a"), login("b", "alice"), say("b", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`),
		login("c", "carol"), say("c", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`))
	return []scenario{
		ask("publish_denied", "clients may not publish here", "room:a", `{"id":3,"publish":{"channel":"room:a","data":{"x":1}}}`),
		one("publish_not_subscribed", "nor from outside", `{"id":2,"publish":{"channel":"room:a","data":{"x":1}}}`),
		one("publish_unknown", "no such namespace", `{"id":2,"publish":{"channel":"nowhere:a","data":{"x":1}}}`),
		one("publish_empty_channel", "no channel", `{"id":2,"publish":{"data":{"x":1}}}`),
		one("publish_no_data", "no data", `{"id":2,"publish":{"channel":"room:a"}}`),
		ask("presence_alone", "who is there", "room:a", `{"id":3,"presence":{"channel":"room:a"}}`),
		{name: "presence", about: "three connections of two users, then one less", steps: script(crowd, say("a", 1, `{"id":3,"presence":{"channel":"room:a"}}`), say("a", 1, `{"id":4,"presence_stats":{"channel":"room:a"}}`),
			say("c", 1, `{"id":3,"unsubscribe":{"channel":"room:a"}}`), say("a", 1, `{"id":5,"presence":{"channel":"room:a"}}`), say("a", 1, `{"id":6,"presence_stats":{"channel":"room:a"}}`))},
		one("presence_not_subscribed", "from outside", `{"id":2,"presence":{"channel":"room:a"}}`),
		one("presence_stats_not_subscribed", "from outside", `{"id":2,"presence_stats":{"channel":"room:a"}}`),
		ask("presence_off", "a namespace without presence", "chat:a", `{"id":3,"presence":{"channel":"chat:a"}}`),
		ask("presence_stats_off", "a namespace without presence", "chat:a", `{"id":3,"presence_stats":{"channel":"chat:a"}}`),
		one("presence_unknown", "no such namespace", `{"id":2,"presence":{"channel":"nowhere:a"}}`),
		one("presence_empty", "no channel", `{"id":2,"presence":{}}`),
		one("presence_stats_empty", "no channel", `{"id":2,"presence_stats":{}}`),
		history("history_position", "only the position", ``),
		history("history_limit_0", "the same, said", `,"limit":0`),
		history("history_limit", "some", `,"limit":2`),
		history("history_all", "all", `,"limit":-1`),
		history("history_reverse", "the newest", `,"limit":2,"reverse":true`),
		history("history_since", "after a position", `,"limit":2,"since":{"offset":2,"epoch":"epoch 2"}`),
		history("history_since_all", "all after a position", `,"limit":-1,"since":{"offset":2,"epoch":"epoch 2"}`),
		history("history_since_top", "after the end", `,"limit":-1,"since":{"offset":6,"epoch":"epoch 2"}`),
		history("history_since_reverse", "before a position", `,"limit":2,"reverse":true,"since":{"offset":5,"epoch":"epoch 2"}`),
		history("history_since_no_epoch", "after an offset", `,"limit":2,"since":{"offset":2}`),
		history("history_since_beyond", "after an offset that was never given", `,"limit":2,"since":{"offset":60,"epoch":"epoch 2"}`),
		history("history_foreign_epoch", "after a position that is lost", `,"limit":2,"since":{"offset":2,"epoch":"foreign"}`),
		ask("history_none", "nothing there", "chat:a", `{"id":3,"history":{"channel":"chat:a","limit":10}}`),
		{name: "history_more_than_300", about: "all, of more than one page", steps: script(publish("test:a", 1, 301), in("test:a"), say("a", 1, `{"id":3,"history":{"channel":"test:a","limit":-1}}`))},
		one("history_not_subscribed", "from outside", `{"id":2,"history":{"channel":"chat:a","limit":10}}`),
		one("history_unknown", "no such namespace", `{"id":2,"history":{"channel":"nowhere:a","limit":10}}`),
		one("history_empty", "no channel", `{"id":2,"history":{}}`),
		one("rpc", "a function", `{"id":2,"rpc":{"method":"echo","data":{"text":"<&>\u2028 \"ü\"","n":[1,2.5,null,true]}}}`),
		one("rpc_unknown", "no such function", `{"id":2,"rpc":{"method":"missing","data":{}}}`),
		one("rpc_no_method", "no name", `{"id":2,"rpc":{"data":{}}}`),
	}
}

func leaving() []scenario {
	return []scenario{
		{name: "server_disconnect", about: "the server ends a connection for good",
			steps: script(login("a", "alice"), say("a", 1, `{"id":2,"subscribe":{"channel":"room:a"}}`), product(command{Do: "disconnect", User: "alice", Code: 4501}), hear("a", 1))},
		{name: "server_disconnect_reconnect", about: "the server ends a connection for now",
			steps: script(login("a", "alice"), product(command{Do: "disconnect", User: "alice", Code: 3011}), hear("a", 1))},
		{name: "shutdown", about: "the server stops", steps: script(login("a", "alice"), product(command{Do: "stop"}), hear("a", 1))},
	}
}
