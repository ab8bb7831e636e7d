package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/centrifugal/centrifuge"
)

// namespace is what the hub's example server gives the channels of one namespace (crates/hub/examples/hub_dev.rs).
type namespace struct {
	history  int
	ttl      time.Duration
	presence bool
}

var namespaces = map[string]namespace{
	"room": {256, 10 * time.Minute, true},
	"chat": {100, 5 * time.Minute, false},
	"user": {100, 24 * time.Hour, false},
	"test": {400, time.Minute, false},
}

func namespaceOf(channel string) (namespace, bool) {
	name, _, found := strings.Cut(channel, ":")
	ns, known := namespaces[name]
	return ns, found && known
}

// identity reads a token of the scenarios: `token:<user>[:expired|:altered|:ttl=<seconds>]`. Tokens are the business of
// the application around the engine, so only their outcome matters here.
func identity(token string) (*centrifuge.Credentials, error) {
	parts := strings.Split(token, ":")
	if len(parts) < 2 || parts[0] != "token" {
		return nil, centrifuge.DisconnectInvalidToken
	}
	ttl := 600
	for _, part := range parts[2:] {
		switch {
		case part == "expired":
			return nil, centrifuge.ErrorTokenExpired
		case strings.HasPrefix(part, "ttl="):
			ttl, _ = strconv.Atoi(strings.TrimPrefix(part, "ttl="))
		default:
			return nil, centrifuge.DisconnectInvalidToken
		}
	}
	return &centrifuge.Credentials{
		UserID:   parts[1],
		ExpireAt: time.Now().Unix() + int64(ttl),
		Info:     fmt.Appendf(nil, `{"n":%q}`, parts[1]),
	}, nil
}

// reference is one engine with its listener.
type reference struct {
	node *centrifuge.Node
	http *http.Server
	url  string
}

func start(settings map[string]int) (*reference, error) {
	ms := func(name string, otherwise time.Duration) time.Duration {
		if value, set := settings[name]; set {
			return time.Duration(value) * time.Millisecond
		}
		return otherwise
	}
	node, err := centrifuge.New(centrifuge.Config{
		Version:                        "reference",
		ClientConnectIncludeServerTime: true,
		ClientExpiredCloseDelay:        ms("grace_ms", 25*time.Second),
		ClientStaleCloseDelay:          ms("stale_ms", 10*time.Second),
		ClientChannelLimit:             128,
		ChannelMaxLength:               255,
		HistoryMaxPublicationLimit:     300,
		RecoveryMaxPublicationLimit:    300,
	})
	if err != nil {
		return nil, err
	}
	handlers(node)
	if err := node.Run(); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		PingPongConfig: centrifuge.PingPongConfig{
			PingInterval: ms("ping_ms", 25*time.Second),
			PongTimeout:  ms("pong_ms", 8*time.Second),
		},
	}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return &reference{node, server, "ws://" + listener.Addr().String() + "/connection/websocket"}, nil
}

func (r *reference) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = r.node.Shutdown(ctx)
	_ = r.http.Close()
}

// handlers make the decisions that Centrifugo would make with the namespaces above and hooks as in the example server.
func handlers(node *centrifuge.Node) {
	node.OnConnecting(func(_ context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		if e.Token == "" {
			return centrifuge.ConnectReply{}, nil // No credentials: the engine's own answer.
		}
		who, err := identity(e.Token)
		if err != nil {
			return centrifuge.ConnectReply{}, err
		}
		return centrifuge.ConnectReply{
			Credentials:       who,
			ClientSideRefresh: true,
			Subscriptions: map[string]centrifuge.SubscribeOptions{
				"user:#" + who.UserID: {EnableRecovery: true, EnablePositioning: true},
			},
		}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnRefresh(func(e centrifuge.RefreshEvent, done centrifuge.RefreshCallback) {
			who, err := identity(e.Token)
			switch {
			case errors.Is(err, centrifuge.ErrorTokenExpired):
				done(centrifuge.RefreshReply{Expired: true}, nil)
			case err != nil:
				done(centrifuge.RefreshReply{}, err)
			case who.UserID != client.UserID():
				done(centrifuge.RefreshReply{}, centrifuge.DisconnectInvalidToken)
			default:
				done(centrifuge.RefreshReply{ExpireAt: who.ExpireAt, Info: who.Info}, nil)
			}
		})
		client.OnSubscribe(func(e centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
			options, err := admitted(e)
			done(centrifuge.SubscribeReply{Options: options}, err)
		})
		client.OnSubRefresh(func(_ centrifuge.SubRefreshEvent, done centrifuge.SubRefreshCallback) {
			done(centrifuge.SubRefreshReply{}, centrifuge.DisconnectInvalidToken)
		})
		client.OnPublish(func(e centrifuge.PublishEvent, done centrifuge.PublishCallback) {
			_, known := namespaceOf(e.Channel)
			done(centrifuge.PublishReply{}, first(known, centrifuge.ErrorPermissionDenied))
		})
		client.OnPresence(func(e centrifuge.PresenceEvent, done centrifuge.PresenceCallback) {
			done(centrifuge.PresenceReply{}, present(client, e.Channel))
		})
		client.OnPresenceStats(func(e centrifuge.PresenceStatsEvent, done centrifuge.PresenceStatsCallback) {
			done(centrifuge.PresenceStatsReply{}, present(client, e.Channel))
		})
		client.OnHistory(func(e centrifuge.HistoryEvent, done centrifuge.HistoryCallback) {
			_, known := namespaceOf(e.Channel)
			if !known || !client.IsSubscribed(e.Channel) {
				done(centrifuge.HistoryReply{}, first(known, centrifuge.ErrorPermissionDenied))
				return
			}
			done(centrifuge.HistoryReply{}, nil)
		})
		client.OnRPC(func(e centrifuge.RPCEvent, done centrifuge.RPCCallback) {
			switch e.Method {
			case "echo":
				done(centrifuge.RPCReply{Data: e.Data}, nil)
			default:
				done(centrifuge.RPCReply{}, centrifuge.ErrorMethodNotFound)
			}
		})
	})
}

// first is the refusal of an unknown namespace, which comes before any other.
func first(known bool, otherwise error) error {
	if !known {
		return centrifuge.ErrorUnknownChannel
	}
	return otherwise
}

func admitted(e centrifuge.SubscribeEvent) (centrifuge.SubscribeOptions, error) {
	ns, known := namespaceOf(e.Channel)
	switch {
	case !known:
		return centrifuge.SubscribeOptions{}, centrifuge.ErrorUnknownChannel
	case strings.HasSuffix(e.Channel, ":denied"), strings.Contains(e.Channel, ":#"), e.Token != "":
		return centrifuge.SubscribeOptions{}, centrifuge.ErrorPermissionDenied
	}
	return centrifuge.SubscribeOptions{
		EmitPresence:      ns.presence,
		EnablePositioning: true,
		EnableRecovery:    true,
		Data:              []byte(`{"role":"member"}`),
	}, nil
}

func present(client *centrifuge.Client, channel string) error {
	ns, known := namespaceOf(channel)
	switch {
	case !known:
		return centrifuge.ErrorUnknownChannel
	case !ns.presence:
		return centrifuge.ErrorNotAvailable
	case !client.IsSubscribed(channel):
		return centrifuge.ErrorPermissionDenied
	}
	return nil
}

// do carries out what the product does, as the example server's `/dev` commands do.
func (r *reference) do(c *command) error {
	ns, _ := namespaceOf(c.Channel)
	switch c.Do {
	case "publish":
		var options []centrifuge.PublishOption
		if !c.Live {
			options = append(options, centrifuge.WithHistory(ns.history, ns.ttl))
		}
		_, err := r.node.Publish(c.Channel, c.Data, options...)
		return err
	case "subscribe":
		return r.node.Subscribe(c.User, c.Channel, centrifuge.WithRecovery(true), centrifuge.WithPositioning(true))
	case "unsubscribe":
		return r.node.Unsubscribe(c.User, c.Channel)
	case "disconnect":
		end := centrifuge.Disconnect{Code: c.Code, Reason: "asked for"}
		return r.node.Disconnect(c.User, centrifuge.WithCustomDisconnect(end))
	case "stop":
		go r.stop()
		return nil
	}
	return fmt.Errorf("no command %q", c.Do)
}
