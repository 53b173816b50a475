// Package records is what the Kafka programs send, and how they judge what arrives.
package records

import (
	"fmt"
	"strconv"
	"strings"

	. "havoq/tests/clients/cases"
)

const Count = 10_000

// Record is one that arrived.
type Record struct {
	Partition int32
	Offset    int64
	Key       string
	Value     string
}

// Keyed is the i-th of 10,000 keyed records.
func Keyed(i int) (key, value string) {
	return fmt.Sprintf("key-%d", i%97), fmt.Sprintf("value-%d", i)
}

// CheckKeyed wants each of the 10,000 exactly once, and each partition without a gap and in the order of sending.
func CheckKeyed(received []Record) {
	Equal(len(received), Count, "records")
	seen := make([]bool, Count)
	offsets := map[int32]int64{}
	last := map[int32]int{}
	for _, record := range received {
		number := Get(strconv.Atoi(strings.TrimPrefix(record.Value, "value-")))
		key, _ := Keyed(number)
		Equal(record.Key, key, "key of %s", record.Value)
		Equal(seen[number], false, "%s seen before", record.Value)
		seen[number] = true

		Equal(record.Offset, offsets[record.Partition], "offset in partition %d", record.Partition)
		offsets[record.Partition]++
		if previous, ok := last[record.Partition]; ok && previous > number {
			panic(fmt.Sprintf("partition %d: %d after %d", record.Partition, number, previous))
		}
		last[record.Partition] = number
	}
	if len(offsets) < 2 {
		panic("all records went to one partition")
	}
}
