// Command pahomqtt runs the cases of Eclipse Paho for Go, MQTT 3.1.1: https://github.com/eclipse-paho/paho.mqtt.golang
package main

import (
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	. "havoq/tests/clients/cases"
)

const (
	count  = 10_000
	window = 10 // unacknowledged at a time: Paho for Go has no limit of its own, brokers have
)

func main() {
	Main(
		Case{"10,000 messages at QoS 0, in order", func() { tenThousand(0) }},
		Case{"10,000 messages at QoS 1, in order", func() { tenThousand(1) }},
		Case{"10,000 messages at QoS 2, in order", func() { tenThousand(2) }},
		Case{"a retained message reaches a late subscriber until it is cleared", retained},
		Case{"the will is sent when the client vanishes, and only then", will},
		Case{"wildcards match as the specification says", wildcards},
		Case{"a persistent session keeps messages while offline", offline},
	)
}

// client is connected and keeps what it receives.
type client struct {
	mqtt.Client
	socket         net.Conn
	sessionPresent bool
	mutex          sync.Mutex
	received       []mqtt.Message
}

func connect(change ...func(*mqtt.ClientOptions)) *client {
	c := &client{}
	options := mqtt.NewClientOptions().AddBroker(MQTTURL).SetClientID(Unique("paho-go")).SetAutoReconnect(false)
	options.SetDefaultPublishHandler(c.keep)
	options.SetCustomOpenConnectionFn(func(address *url.URL, _ mqtt.ClientOptions) (net.Conn, error) {
		var err error
		c.socket, err = net.DialTimeout("tcp", address.Host, 10*time.Second)
		return c.socket, err
	})
	for _, apply := range change {
		apply(options)
	}
	c.Client = mqtt.NewClient(options)
	token := c.Connect()
	done(token)
	c.sessionPresent = token.(*mqtt.ConnectToken).SessionPresent()
	return c
}

func (c *client) keep(_ mqtt.Client, message mqtt.Message) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.received = append(c.received, message)
}

func done(token mqtt.Token) {
	if !token.WaitTimeout(10 * time.Second) {
		panic("no answer")
	}
	Must(token.Error())
}

func (c *client) subscribe(filter string, qos byte) {
	token := c.Subscribe(filter, qos, nil)
	done(token)
	Equal(token.(*mqtt.SubscribeToken).Result()[filter], qos, "granted QoS")
}

func (c *client) publish(topic, payload string, qos byte, retain bool) {
	done(c.Publish(topic, qos, retain, payload))
}

// expect wants exactly these payloads in this order, and answers with the messages.
func (c *client) expect(payloads ...string) []mqtt.Message {
	Until(func() bool {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		return len(c.received) >= len(payloads)
	}, fmt.Sprintf("%d messages", len(payloads)))
	time.Sleep(100 * time.Millisecond) // for one too many
	c.mutex.Lock()
	defer c.mutex.Unlock()
	arrived := []string{}
	for _, message := range c.received {
		arrived = append(arrived, string(message.Payload()))
	}
	Equal(arrived, append([]string{}, payloads...), "payloads")
	received := c.received
	c.received = nil
	return received
}

func (c *client) leave() { c.Disconnect(100) }

func tenThousand(qos byte) {
	topic := Unique("many")
	subscriber, publisher := connect(), connect()
	defer subscriber.leave()
	defer publisher.leave()
	subscriber.subscribe(topic, qos)
	var payloads []string
	var tokens []mqtt.Token
	for i := range count {
		payloads = append(payloads, fmt.Sprintf("message %d", i))
		tokens = append(tokens, publisher.Publish(topic, qos, false, payloads[i]))
		if i >= window {
			done(tokens[i-window])
		}
	}
	for _, token := range tokens {
		done(token)
	}
	for _, message := range subscriber.expect(payloads...) {
		Equal(message.Qos(), qos, "QoS")
	}
}

func retained() {
	topic := Unique("retained")
	publisher := connect()
	defer publisher.leave()
	publisher.publish(topic, "first", 1, true)
	publisher.publish(topic, "last", 1, true)
	late := connect()
	defer late.leave()
	late.subscribe(topic, 1)
	Equal(late.expect("last")[0].Retained(), true, "retain flag of the late subscriber's message")
	publisher.publish(topic, "", 1, true)
	Equal(late.expect("")[0].Retained(), false, "retain flag of a live message")
	later := connect()
	defer later.leave()
	later.subscribe(topic, 1)
	later.expect()
}

func will() {
	topic := Unique("will")
	watcher := connect()
	defer watcher.leave()
	watcher.subscribe(topic, 1)
	connect(func(o *mqtt.ClientOptions) { o.SetWill(topic, "polite", 1, false) }).leave()
	watcher.expect()
	victim := connect(func(o *mqtt.ClientOptions) { o.SetWill(topic, "vanished", 1, false) })
	Must(victim.socket.Close())
	watcher.expect("vanished")
}

func wildcards() {
	base := Unique("wild")
	topics := []string{"", "/a", "/a/b", "/a/b/c", "/x/b"}
	expected := map[string][]string{
		base + "/#":   topics,
		base + "/+":   {"/a"},
		base + "/+/b": {"/a/b", "/x/b"},
		base + "/a/#": {"/a", "/a/b", "/a/b/c"},
		"+/a/b":       {"/a/b"},
	}
	subscribers := map[string]*client{}
	for filter := range expected {
		subscribers[filter] = connect()
		subscribers[filter].subscribe(filter, 1)
	}
	publisher := connect()
	defer publisher.leave()
	for _, topic := range topics {
		publisher.publish(base+topic, topic, 1, false)
	}
	for filter, subscriber := range subscribers {
		subscriber.expect(expected[filter]...)
		subscriber.leave()
	}
}

func offline() {
	topic, id := Unique("offline"), Unique("sleeper")
	persistent := func(o *mqtt.ClientOptions) { o.SetClientID(id).SetCleanSession(false) }
	sleeper := connect(persistent)
	Equal(sleeper.sessionPresent, false, "session present at first")
	sleeper.subscribe(topic, 1)
	sleeper.leave()
	publisher := connect()
	defer publisher.leave()
	var payloads []string
	for i := range 100 {
		payloads = append(payloads, fmt.Sprint(i))
		publisher.publish(topic, payloads[i], 1, false)
	}
	awake := connect(persistent)
	Equal(awake.sessionPresent, true, "session present later")
	awake.expect(payloads...)
	awake.leave()
	fresh := connect(func(o *mqtt.ClientOptions) { o.SetClientID(id).SetCleanSession(true) })
	Equal(fresh.sessionPresent, false, "session present after a clean session")
	fresh.leave()
}
