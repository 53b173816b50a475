// Command sarama runs the cases of Sarama: https://github.com/IBM/sarama
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"

	. "havoq/tests/clients/cases"
	"havoq/tests/clients/records"
)

func main() {
	Main(
		Case{"10,000 keyed records reach a group once, in order per partition", keyed},
		Case{"gzip round trip", func() { roundTrip(sarama.CompressionGZIP) }},
		Case{"snappy round trip", func() { roundTrip(sarama.CompressionSnappy) }},
		Case{"lz4 round trip", func() { roundTrip(sarama.CompressionLZ4) }},
		Case{"zstd round trip", func() { roundTrip(sarama.CompressionZSTD) }},
		Case{"a restarted group resumes at its committed offset", resume},
		Case{"offsets are found by timestamp", timestamps},
		Case{"headers, nulls and timestamps arrive as sent", contents},
		Case{"a deleted topic is gone", deleted},
		Case{"an unknown topic is an error", unknown},
	)
}

func config() *sarama.Config {
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Metadata.AllowAutoTopicCreation = false
	return config
}

func createTopic(name string, partitions int32) string {
	admin := Get(sarama.NewClusterAdmin(Brokers, config()))
	defer admin.Close()
	topic := Unique(name)
	Must(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}, false))
	return topic
}

func produce(config *sarama.Config, messages []*sarama.ProducerMessage) {
	producer := Get(sarama.NewSyncProducer(Brokers, config))
	defer producer.Close()
	Must(producer.SendMessages(messages))
}

func messages(topic string, values []string) []*sarama.ProducerMessage {
	var all []*sarama.ProducerMessage
	for _, value := range values {
		all = append(all, &sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)})
	}
	return all
}

func numbers(count int) []string {
	var all []string
	for i := range count {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

// receive reads partition 0 without a group: so many messages, and what follows within a moment.
func receive(topic string, count int) []*sarama.ConsumerMessage {
	consumer := Get(sarama.NewConsumer(Brokers, config()))
	defer consumer.Close()
	partition := Get(consumer.ConsumePartition(topic, 0, sarama.OffsetOldest))
	defer partition.Close()
	var received []*sarama.ConsumerMessage
	wait := 20 * time.Second
	for {
		select {
		case message := <-partition.Messages():
			received = append(received, message)
		case <-time.After(wait):
			return received
		}
		if len(received) >= count {
			wait = 200 * time.Millisecond
		}
	}
}

func values(received []*sarama.ConsumerMessage) []string {
	var all []string
	for _, message := range received {
		all = append(all, string(message.Value))
	}
	return all
}

// groupMember marks what it receives as consumed, as far as `mark` allows.
type groupMember struct {
	mutex    sync.Mutex
	received []*sarama.ConsumerMessage
	mark     func(*sarama.ConsumerMessage) bool
}

func (*groupMember) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (*groupMember) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (m *groupMember) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.mutex.Lock()
		m.received = append(m.received, message)
		m.mutex.Unlock()
		if m.mark(message) {
			session.MarkMessage(message, "")
		}
	}
	return nil
}

// consumeInGroup joins, waits for so many messages and a moment more, and leaves.
func consumeInGroup(topic, group string, count int, mark func(*sarama.ConsumerMessage) bool) []*sarama.ConsumerMessage {
	consumer := Get(sarama.NewConsumerGroup(Brokers, group, config()))
	ctx, cancel := context.WithCancel(context.Background())
	member := &groupMember{mark: mark}
	ended := make(chan error, 1)
	go func() { ended <- consumer.Consume(ctx, []string{topic}, member) }()
	Until(func() bool {
		member.mutex.Lock()
		defer member.mutex.Unlock()
		return len(member.received) >= count
	}, "messages")
	time.Sleep(200 * time.Millisecond)
	cancel()
	Must(<-ended)
	Must(consumer.Close())
	return member.received
}

func keyed() {
	topic := createTopic("keyed", 6)
	config := config()
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Net.MaxOpenRequests = 1
	var batch []*sarama.ProducerMessage
	for i := range records.Count {
		key, value := records.Keyed(i)
		batch = append(batch, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(value)})
	}
	produce(config, batch)

	received := consumeInGroup(topic, Unique("group"), records.Count, func(*sarama.ConsumerMessage) bool { return true })
	var arrived []records.Record
	for _, m := range received {
		arrived = append(arrived, records.Record{Partition: m.Partition, Offset: m.Offset, Key: string(m.Key), Value: string(m.Value)})
	}
	records.CheckKeyed(arrived)
}

func roundTrip(codec sarama.CompressionCodec) {
	topic := createTopic(codec.String(), 1)
	var sent []string
	for i := range 500 {
		sent = append(sent, strings.Repeat(fmt.Sprintf("%s %d ", codec, i), 50))
	}
	config := config()
	config.Producer.Compression = codec
	produce(config, messages(topic, sent))
	Equal(values(receive(topic, len(sent))), sent, "values")
}

func resume() {
	topic, group := createTopic("resume", 1), Unique("group")
	produce(config(), messages(topic, numbers(100)))
	consumeInGroup(topic, group, 100, func(message *sarama.ConsumerMessage) bool { return message.Offset < 60 })
	second := consumeInGroup(topic, group, 40, func(*sarama.ConsumerMessage) bool { return false })
	Equal(values(second), numbers(100)[60:], "values after the restart")

	admin := Get(sarama.NewClusterAdmin(Brokers, config()))
	defer admin.Close()
	offsets := Get(admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0}}))
	Equal(offsets.GetBlock(topic, 0).Offset, int64(60), "committed offset")
}

func timestamps() {
	topic := createTopic("timestamps", 1)
	start := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	batch := messages(topic, numbers(10))
	for i, message := range batch {
		message.Timestamp = start.Add(time.Duration(i) * time.Second)
	}
	produce(config(), batch)

	client := Get(sarama.NewClient(Brokers, config()))
	defer client.Close()
	offset := func(time int64) int64 { return Get(client.GetOffset(topic, 0, time)) }
	Equal(offset(start.Add(2500*time.Millisecond).UnixMilli()), int64(3), "first record at or after the time")
	Equal(offset(start.Add(time.Minute).UnixMilli()), int64(-1), "after the last record")
	Equal(offset(sarama.OffsetOldest), int64(0), "beginning")
	Equal(offset(sarama.OffsetNewest), int64(10), "end")
}

func contents() {
	topic := createTopic("contents", 1)
	now := time.Now().Truncate(time.Millisecond)
	headers := []sarama.RecordHeader{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("a"), Value: []byte("2")}}
	produce(config(), []*sarama.ProducerMessage{
		{Topic: topic, Key: sarama.StringEncoder("tombstone"), Timestamp: now},
		{Topic: topic, Value: sarama.StringEncoder(""), Headers: headers, Timestamp: now.Add(time.Millisecond)},
	})
	received := receive(topic, 2)
	Equal(len(received), 2, "messages")
	Equal(string(received[0].Key), "tombstone", "key")
	Equal(received[0].Value == nil, true, "null value stays null")
	Equal(received[0].Timestamp.Equal(now), true, "same timestamp")
	Equal(received[1].Key == nil, true, "null key stays null")
	Equal(received[1].Value, []byte{}, "empty value")
	var arrived []sarama.RecordHeader
	for _, header := range received[1].Headers {
		arrived = append(arrived, *header)
	}
	Equal(arrived, headers, "headers")
}

func deleted() {
	topic := createTopic("deleted", 1)
	admin := Get(sarama.NewClusterAdmin(Brokers, config()))
	defer admin.Close()
	listed := func() bool {
		_, found := Get(admin.ListTopics())[topic]
		return found
	}
	Until(listed, "the topic to be listed")
	Must(admin.DeleteTopic(topic))
	Until(func() bool { return !listed() }, "the topic to be gone")
}

func unknown() {
	consumer := Get(sarama.NewConsumer(Brokers, config()))
	defer consumer.Close()
	topic := Unique("missing")
	_, err := consumer.ConsumePartition(topic, 0, sarama.OffsetOldest)
	Equal(errors.Is(err, sarama.ErrUnknownTopicOrPartition), true, "unknown topic (%v)", err)
	Equal(slices.Contains(Get(consumer.Topics()), topic), false, "created by asking")
}
