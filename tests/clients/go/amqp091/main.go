// Command amqp091 runs the cases of amqp091-go: https://github.com/rabbitmq/amqp091-go
package main

import (
	"errors"
	"fmt"
	"net"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	. "havoq/tests/clients/cases"
)

const count = 10_000

func main() {
	Main(
		Case{"10,000 confirmed messages are consumed in order, with prefetch and acks", tenThousand},
		Case{"no more unacked messages than the prefetch count", prefetch},
		Case{"a direct exchange routes by key", direct},
		Case{"a fanout exchange copies to all", fanout},
		Case{"a topic exchange matches patterns", topic},
		Case{"a headers exchange matches all or any", headers},
		Case{"a mandatory message without a route is returned", returned},
		Case{"a nacked message comes back as redelivered", nack},
		Case{"unacked messages return when the connection drops", drop},
		Case{"an exclusive queue is closed to other connections and goes with its own", exclusive},
		Case{"an auto-delete queue goes with its last consumer", autoDelete},
		Case{"a missing queue is 404 and costs only the channel", missing},
		Case{"declaring a queue or exchange otherwise is 406", otherwise},
		Case{"properties and large bodies arrive as sent", contents},
	)
}

func connect() *amqp.Connection { return Get(amqp.Dial(AMQPURL)) }

func channel(connection *amqp.Connection) *amqp.Channel { return Get(connection.Channel()) }

// exclusiveQueue goes with its connection.
func exclusiveQueue(ch *amqp.Channel) string {
	return Get(ch.QueueDeclare("", false, false, true, false, nil)).Name
}

func publish(ch *amqp.Channel, exchange, key string, message amqp.Publishing) {
	Must(ch.Publish(exchange, key, true, false, message))
}

func publishAll(ch *amqp.Channel, queue string, bodies ...string) {
	for _, body := range bodies {
		publish(ch, "", queue, amqp.Publishing{Body: []byte(body)})
	}
}

type taken struct {
	body        string
	redelivered bool
}

// take empties the queue.
func take(ch *amqp.Channel, queue string) []taken {
	all := []taken{}
	for {
		message, ok, err := ch.Get(queue, true)
		Must(err)
		if !ok {
			return all
		}
		all = append(all, taken{string(message.Body), message.Redelivered})
	}
}

func passive(ch *amqp.Channel, queue string) error {
	_, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
	return err
}

// code is the reply code with which the broker closed the channel.
func code(err error) int {
	var closed *amqp.Error
	if !errors.As(err, &closed) {
		panic(fmt.Sprintf("not an AMQP error: %v", err))
	}
	return closed.Code
}

func tenThousand() {
	producing, consuming := connect(), connect()
	defer producing.Close()
	defer consuming.Close()
	publisher, consumer := channel(producing), channel(consuming)
	queue := Get(publisher.QueueDeclare(Unique("many"), true, false, false, false, nil)).Name

	Must(publisher.Confirm(false))
	confirms := publisher.NotifyPublish(make(chan amqp.Confirmation, count))
	for i := range count {
		publish(publisher, "", queue, amqp.Publishing{Body: fmt.Appendf(nil, "message %d", i)})
	}
	for i := range count {
		select {
		case confirm := <-confirms:
			Equal(confirm, amqp.Confirmation{DeliveryTag: uint64(i + 1), Ack: true}, "confirmation")
		case <-time.After(10 * time.Second):
			panic(fmt.Sprintf("%d of %d confirmed", i, count))
		}
	}

	Must(consumer.Qos(100, 0, false))
	deliveries := Get(consumer.Consume(queue, "", false, false, false, false, nil))
	for i := range count {
		select {
		case delivery := <-deliveries:
			Equal(string(delivery.Body), fmt.Sprintf("message %d", i), "body")
			Equal(delivery.DeliveryTag, uint64(i+1), "delivery tag")
			Equal(delivery.Redelivered, false, "redelivered")
			Must(delivery.Ack(false))
		case <-time.After(10 * time.Second):
			panic(fmt.Sprintf("%d of %d delivered", i, count))
		}
	}
	Must(consuming.Close())
	Equal(Get(publisher.QueueDelete(queue, false, false, false)), 0, "messages left")
}

func prefetch() {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	queue := exclusiveQueue(ch)
	publishAll(ch, queue, "1", "2", "3", "4", "5")
	Must(ch.Qos(3, 0, false))
	deliveries := Get(ch.Consume(queue, "", false, false, false, false, nil))
	// So many, and what follows within a moment.
	arrived := func(count int) []string {
		var bodies []string
		wait := 10 * time.Second
		for {
			select {
			case delivery := <-deliveries:
				bodies = append(bodies, string(delivery.Body))
			case <-time.After(wait):
				return bodies
			}
			if len(bodies) >= count {
				wait = 200 * time.Millisecond
			}
		}
	}
	Equal(arrived(3), []string{"1", "2", "3"}, "deliveries before an ack")
	Must(ch.Ack(2, true))
	Equal(arrived(2), []string{"4", "5"}, "deliveries after two acks")
}

type binding struct {
	key       string
	arguments amqp.Table
	expected  []string
}

type message struct {
	body, key string
	headers   amqp.Table
}

// routing binds one queue per binding and checks which bodies each gets.
func routing(kind string, bindings []binding, messages []message) {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	exchange := Unique(kind)
	Must(ch.ExchangeDeclare(exchange, kind, false, true, false, false, nil))
	queues := make([]string, len(bindings))
	for i, b := range bindings {
		queues[i] = exclusiveQueue(ch)
		Must(ch.QueueBind(queues[i], b.key, exchange, false, b.arguments))
	}
	Must(ch.Confirm(false))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation, len(messages)))
	for _, m := range messages {
		publish(ch, exchange, m.key, amqp.Publishing{Body: []byte(m.body), Headers: m.headers})
		<-confirms
	}
	for i, b := range bindings {
		var bodies []string
		for _, one := range take(ch, queues[i]) {
			bodies = append(bodies, one.body)
		}
		Equal(bodies, b.expected, "bodies for %s%v", b.key, b.arguments)
	}
}

func direct() {
	routing("direct",
		[]binding{{"red", nil, []string{"1", "3"}}, {"blue", nil, []string{"2"}}},
		[]message{{"1", "red", nil}, {"2", "blue", nil}, {"3", "red", nil}, {"4", "green", nil}})
}

func fanout() {
	routing("fanout",
		[]binding{{"", nil, []string{"1", "2"}}, {"ignored", nil, []string{"1", "2"}}},
		[]message{{"1", "", nil}, {"2", "any", nil}})
}

func topic() {
	routing("topic",
		[]binding{
			{"*.orange.*", nil, []string{"1"}},
			{"lazy.#", nil, []string{"2", "3"}},
			{"#", nil, []string{"1", "2", "3", "4"}},
			{"*", nil, []string{"3"}},
			{"#.rabbit", nil, []string{"1", "4"}},
		},
		[]message{
			{"1", "quick.orange.rabbit", nil},
			{"2", "lazy.brown.fox.there", nil},
			{"3", "lazy", nil},
			{"4", "a.b.rabbit", nil},
		})
}

func headers() {
	routing("headers",
		[]binding{
			{"", amqp.Table{"x-match": "all", "colour": "red", "size": int32(1)}, []string{"1"}},
			{"", amqp.Table{"x-match": "any", "colour": "red", "size": int32(1)}, []string{"1", "2"}},
		},
		[]message{
			{"1", "", amqp.Table{"colour": "red", "size": int32(1), "more": true}},
			{"2", "", amqp.Table{"colour": "red", "size": int32(2)}},
			{"3", "", amqp.Table{"colour": "blue"}},
		})
}

func returned() {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	publishAll(ch, Unique("nowhere"), "lost")
	select {
	case back := <-returns:
		Equal(back.ReplyCode, uint16(amqp.NoRoute), "reply code")
		Equal(string(back.Body), "lost", "body")
	case <-time.After(10 * time.Second):
		panic("nothing returned")
	}
}

func nack() {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	queue := exclusiveQueue(ch)
	publishAll(ch, queue, "1", "2", "3")
	var tags []uint64
	for range 3 {
		message, _, err := ch.Get(queue, false)
		Must(err)
		tags = append(tags, message.DeliveryTag)
	}
	Must(ch.Nack(tags[0], false, true))
	Must(ch.Reject(tags[1], false))
	Must(ch.Reject(tags[2], true))
	Equal(take(ch, queue), []taken{{"1", true}, {"3", true}}, "messages after nack and reject")
}

func drop() {
	var socket net.Conn
	victim := Get(amqp.DialConfig(AMQPURL, amqp.Config{Dial: func(network, address string) (net.Conn, error) {
		var err error
		socket, err = amqp.DefaultDial(10*time.Second)(network, address)
		return socket, err
	}}))
	defer victim.Close()
	survivor := connect()
	defer survivor.Close()
	ch := channel(survivor)
	queue := Get(ch.QueueDeclare(Unique("drop"), false, false, false, false, nil)).Name
	publishAll(ch, queue, "1", "2", "3")
	holding := channel(victim)
	for range 2 {
		_, ok, err := holding.Get(queue, false)
		Must(err)
		Equal(ok, true, "got a message")
	}
	Must(socket.Close())
	Until(func() bool {
		return Get(ch.QueueDeclarePassive(queue, false, false, false, false, nil)).Messages == 3
	}, "the messages to return")
	Equal(take(ch, queue), []taken{{"1", true}, {"2", true}, {"3", false}}, "messages after the drop")
	Get(ch.QueueDelete(queue, false, false, false))
}

func exclusive() {
	owner, other := connect(), connect()
	defer other.Close()
	queue := exclusiveQueue(channel(owner))
	Equal(code(passive(channel(other), queue)), amqp.ResourceLocked, "reply code")
	Must(owner.Close())
	Equal(code(passive(channel(other), queue)), amqp.NotFound, "reply code when the owner is gone")
}

func autoDelete() {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	queue := Get(ch.QueueDeclare(Unique("auto-delete"), false, true, false, false, nil)).Name
	for _, tag := range []string{"one", "two"} {
		Get(ch.Consume(queue, tag, true, false, false, false, nil))
	}
	Must(ch.Cancel("one", false))
	Must(passive(ch, queue))
	Must(ch.Cancel("two", false))
	Equal(code(passive(ch, queue)), amqp.NotFound, "reply code")
}

func missing() {
	connection := connect()
	defer connection.Close()
	Equal(code(passive(channel(connection), Unique("missing"))), amqp.NotFound, "reply code")
	exclusiveQueue(channel(connection))
}

func otherwise() {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	queue, exchange := Unique("otherwise"), Unique("otherwise")
	Get(ch.QueueDeclare(queue, false, false, true, false, nil))
	_, err := ch.QueueDeclare(queue, false, false, true, false, amqp.Table{"x-message-ttl": int32(1000)})
	Equal(code(err), amqp.PreconditionFailed, "reply code for the queue")
	ch = channel(connection)
	Must(ch.ExchangeDeclare(exchange, "direct", false, false, false, false, nil))
	err = ch.ExchangeDeclare(exchange, "fanout", false, false, false, false, nil)
	Equal(code(err), amqp.PreconditionFailed, "reply code for the exchange")
	Must(channel(connection).ExchangeDelete(exchange, false, false))
}

func contents() {
	connection := connect()
	defer connection.Close()
	ch := channel(connection)
	queue := exclusiveQueue(ch)
	large := make([]byte, 1<<20) // several frames
	for i := range large {
		large[i] = byte(i)
	}
	for _, body := range [][]byte{large, {}} {
		sent := amqp.Publishing{
			Headers: amqp.Table{
				"text": "ü", "int": int32(-5), "long": int64(1) << 40, "double": 1.5, "yes": true, "none": nil,
				"time":  time.Unix(1_700_000_000, 0),
				"list":  []any{int32(1), "two"},
				"table": amqp.Table{"nested": amqp.Table{"deep": "down"}},
			},
			ContentType: "application/json", ContentEncoding: "utf-8", DeliveryMode: amqp.Persistent, Priority: 7,
			CorrelationId: "correlation", ReplyTo: "reply", Expiration: "60000", MessageId: "id",
			Timestamp: time.Unix(1_700_000_000, 0), Type: "kind", AppId: "app", Body: body,
		}
		publish(ch, "", queue, sent)
		got, ok, err := ch.Get(queue, true)
		Must(err)
		Equal(ok, true, "got a message")
		Equal(amqp.Publishing{
			Headers: got.Headers, ContentType: got.ContentType, ContentEncoding: got.ContentEncoding,
			DeliveryMode: got.DeliveryMode, Priority: got.Priority, CorrelationId: got.CorrelationId, ReplyTo: got.ReplyTo,
			Expiration: got.Expiration, MessageId: got.MessageId, Timestamp: got.Timestamp, Type: got.Type,
			AppId: got.AppId, Body: append([]byte{}, got.Body...),
		}, sent, "message")
	}
}
