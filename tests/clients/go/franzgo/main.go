// Command franzgo runs the cases of franz-go: https://github.com/twmb/franz-go
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	. "havoq/tests/clients/cases"
	"havoq/tests/clients/records"
)

var background = context.Background()

func main() {
	Main(
		Case{"10,000 keyed records reach a group once, in order per partition", keyed},
		Case{"a third member takes its part of the partitions", rebalance},
		Case{"gzip round trip", func() { roundTrip("gzip", kgo.GzipCompression()) }},
		Case{"snappy round trip", func() { roundTrip("snappy", kgo.SnappyCompression()) }},
		Case{"lz4 round trip", func() { roundTrip("lz4", kgo.Lz4Compression()) }},
		Case{"zstd round trip", func() { roundTrip("zstd", kgo.ZstdCompression()) }},
		Case{"a restarted group resumes at its committed offset", resume},
		Case{"offsets are found by timestamp", timestamps},
		Case{"headers, nulls and timestamps arrive as sent", contents},
		Case{"a deleted topic is gone", deleted},
		Case{"an unknown topic is an error", unknown},
	)
}

func client(options ...kgo.Opt) *kgo.Client {
	defaults := []kgo.Opt{kgo.SeedBrokers(Brokers...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	return Get(kgo.NewClient(append(defaults, options...)...))
}

func admin() *kadm.Client {
	return kadm.NewClient(client(kgo.MetadataMinAge(100 * time.Millisecond))) // or it answers from memory
}

func createTopic(name string, partitions int32) string {
	admin := admin()
	defer admin.Close()
	topic := Unique(name)
	Must(Get(admin.CreateTopic(background, partitions, 1, nil, topic)).Err)
	return topic
}

func produce(topic string, values []string, options ...kgo.Opt) {
	producer := client(append(options, kgo.DefaultProduceTopic(topic))...)
	defer producer.Close()
	var batch []*kgo.Record
	for _, value := range values {
		batch = append(batch, kgo.StringRecord(value))
	}
	Must(producer.ProduceSync(background, batch...).FirstErr())
}

// receive waits for so many records, and for a moment more.
func receive(consumer *kgo.Client, count int) []*kgo.Record {
	var received []*kgo.Record
	poll := func(wait time.Duration) bool {
		ctx, cancel := context.WithTimeout(background, wait)
		defer cancel()
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			panic(err)
		}
		received = append(received, fetches.Records()...)
		return len(received) >= count
	}
	Until(func() bool { return poll(200 * time.Millisecond) }, "records")
	poll(200 * time.Millisecond)
	return received
}

func values(received []*kgo.Record) []string {
	var all []string
	for _, record := range received {
		all = append(all, string(record.Value))
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

func keyed() {
	topic := createTopic("keyed", 6)
	producer := client(kgo.DefaultProduceTopic(topic))
	var batch []*kgo.Record
	for i := range records.Count {
		batch = append(batch, kgo.KeyStringRecord(records.Keyed(i)))
	}
	Must(producer.ProduceSync(background, batch...).FirstErr())
	producer.Close()

	consumer := client(kgo.ConsumerGroup(Unique("group")), kgo.ConsumeTopics(topic))
	defer consumer.Close()
	var received []records.Record
	for _, r := range receive(consumer, records.Count) {
		received = append(received, records.Record{Partition: r.Partition, Offset: r.Offset, Key: string(r.Key), Value: string(r.Value)})
	}
	records.CheckKeyed(received)
}

// member keeps count of the partitions it is given.
type member struct {
	*kgo.Client
	mutex sync.Mutex
	owned []int32
}

func join(topic, group string) *member {
	m := &member{}
	change := func(apply func(partition int32)) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
			m.mutex.Lock()
			defer m.mutex.Unlock()
			for _, partition := range topics[topic] {
				apply(partition)
			}
		}
	}
	remove := change(func(partition int32) {
		m.owned = slices.DeleteFunc(m.owned, func(p int32) bool { return p == partition })
	})
	m.Client = client(
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.OnPartitionsAssigned(change(func(partition int32) { m.owned = append(m.owned, partition) })),
		kgo.OnPartitionsRevoked(remove), kgo.OnPartitionsLost(remove),
	)
	return m
}

func (m *member) partitions() []int32 {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return slices.Clone(m.owned)
}

func rebalance() {
	topic, group := createTopic("shared", 6), Unique("group")
	shares := func(members []*member, expected int) {
		Until(func() bool {
			var all []int32
			for _, m := range members {
				owned := m.partitions()
				if len(owned) != expected {
					return false
				}
				all = append(all, owned...)
			}
			slices.Sort(all)
			return slices.Equal(all, []int32{0, 1, 2, 3, 4, 5})
		}, fmt.Sprintf("%d partitions for each of %d members", expected, len(members)))
	}
	members := []*member{join(topic, group), join(topic, group)}
	shares(members, 3)
	members = append(members, join(topic, group))
	shares(members, 2)
	members[0].Close()
	shares(members[1:], 3)
	members[1].Close()
	members[2].Close()
}

func roundTrip(name string, codec kgo.CompressionCodec) {
	topic := createTopic(name, 1)
	var sent []string
	for i := range 500 {
		sent = append(sent, strings.Repeat(fmt.Sprintf("%s %d ", name, i), 50))
	}
	produce(topic, sent, kgo.ProducerBatchCompression(codec))
	consumer := client(kgo.ConsumeTopics(topic))
	defer consumer.Close()
	Equal(values(receive(consumer, len(sent))), sent, "values")
}

func resume() {
	topic, group := createTopic("resume", 1), Unique("group")
	produce(topic, numbers(100))
	options := []kgo.Opt{kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit()}

	first := client(options...)
	received := receive(first, 100)
	Must(first.CommitRecords(background, received[:60]...))
	first.Close()

	second := client(options...)
	defer second.Close()
	Equal(values(receive(second, 40)), numbers(100)[60:], "values after the restart")
	Equal(second.CommittedOffsets()[topic][0].Offset, int64(60), "committed offset")
}

func timestamps() {
	topic := createTopic("timestamps", 1)
	start := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	producer := client(kgo.DefaultProduceTopic(topic))
	for i := range 10 {
		record := &kgo.Record{Value: []byte("x"), Timestamp: start.Add(time.Duration(i) * time.Second)}
		Must(producer.ProduceSync(background, record).FirstErr())
	}
	producer.Close()

	admin := admin()
	defer admin.Close()
	after := func(wait time.Duration) kadm.ListedOffset {
		listed := Get(admin.ListOffsetsAfterMilli(background, start.Add(wait).UnixMilli(), topic))
		found, _ := listed.Lookup(topic, 0)
		Must(found.Err)
		return found
	}
	found := after(2500 * time.Millisecond)
	Equal(found.Offset, int64(3), "first record at or after the time")
	Equal(found.Timestamp, start.Add(3*time.Second).UnixMilli(), "its timestamp")
	Equal(after(time.Minute).Offset, int64(10), "after the last record: the end")
}

func contents() {
	topic := createTopic("contents", 1)
	now := time.Now().Truncate(time.Millisecond)
	sent := []*kgo.Record{
		{Key: []byte("tombstone"), Timestamp: now},
		{Value: []byte{}, Timestamp: now.Add(time.Millisecond), Headers: []kgo.RecordHeader{
			{Key: "a", Value: []byte("1")}, {Key: "a", Value: []byte("2")}, {Key: "null"},
		}},
	}
	producer := client(kgo.DefaultProduceTopic(topic))
	Must(producer.ProduceSync(background, sent...).FirstErr())
	producer.Close()

	consumer := client(kgo.ConsumeTopics(topic))
	defer consumer.Close()
	received := receive(consumer, 2)
	Equal(len(received), 2, "records")
	for i, record := range received {
		Equal(record.Key, sent[i].Key, "key of record %d", i)
		Equal(record.Value, sent[i].Value, "value of record %d", i)
		Equal(record.Timestamp.Equal(sent[i].Timestamp), true, "same timestamp of record %d", i)
		Equal(record.Headers, sent[i].Headers, "headers of record %d", i)
	}
}

func deleted() {
	topic := createTopic("deleted", 1)
	admin := admin()
	defer admin.Close()
	listed := func() bool { return Get(admin.ListTopics(background)).Has(topic) }
	Until(listed, "the topic to be listed")
	Must(Get(admin.DeleteTopic(background, topic)).Err)
	Until(func() bool { return !listed() }, "the topic to be gone")
}

func unknown() {
	topic := Unique("missing")
	ctx, cancel := context.WithTimeout(background, 20*time.Second)
	defer cancel()
	producer := client(kgo.UnknownTopicRetries(1))
	defer producer.Close()
	err := producer.ProduceSync(ctx, &kgo.Record{Topic: topic}).FirstErr()
	Equal(errors.Is(err, kerr.UnknownTopicOrPartition), true, "unknown topic when producing (%v)", err)

	admin := admin()
	defer admin.Close()
	Equal(Get(admin.ListTopics(ctx, topic))[topic].Err, kerr.UnknownTopicOrPartition, "error of its metadata")
}
