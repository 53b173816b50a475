// Package cases runs the cases of one client program; each is reported as one line of JSON.
package cases

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"time"
)

var (
	Brokers = strings.Split(os.Getenv("KAFKA_BROKERS"), ",")
	MQTTURL = os.Getenv("MQTT_URL")
	AMQPURL = os.Getenv("AMQP_URL")
)

// Case is named as the test lists it; Run panics when it fails.
type Case struct {
	Name string
	Run  func()
}

// Main runs all cases, or those whose name contains one of the arguments.
func Main(all ...Case) {
	failed := false
	for _, c := range all {
		if !wanted(c.Name) {
			continue
		}
		started := time.Now()
		failure := run(c.Run)
		detail := fmt.Sprintf("%.1f s", time.Since(started).Seconds())
		if failure != "" {
			failed = true
			detail = failure + " (" + detail + ")"
		}
		line, _ := json.Marshal(struct {
			Case   string `json:"case"`
			OK     bool   `json:"ok"`
			Detail string `json:"detail"`
		}{c.Name, failure == "", detail})
		fmt.Println(string(line))
	}
	if failed {
		os.Exit(1)
	}
}

func wanted(name string) bool {
	if len(os.Args) == 1 {
		return true
	}
	for _, part := range os.Args[1:] {
		if strings.Contains(name, part) {
			return true
		}
	}
	return false
}

func run(body func()) (failure string) {
	defer func() {
		if reason := recover(); reason != nil {
			failure = fmt.Sprint(reason)
			fmt.Fprintf(os.Stderr, "%s\n%s\n", failure, debug.Stack())
		}
	}()
	body()
	return ""
}

// Unique is a name that no other run uses.
func Unique(name string) string {
	return fmt.Sprintf("%s-%s", name, rand.Text()[:10])
}

// Must fails the case on an error.
func Must(err error) {
	if err != nil {
		panic(err)
	}
}

// Get is the value, unless there is an error.
func Get[T any](value T, err error) T {
	Must(err)
	return value
}

// Equal fails the case when the two differ.
func Equal(actual, expected any, what string, arguments ...any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%s: expected %s, got %s", fmt.Sprintf(what, arguments...), short(expected), short(actual)))
	}
}

// Until calls done until it answers true.
func Until(done func() bool, what string) {
	deadline := time.Now().Add(40 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			panic("timed out: " + what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func short(value any) string {
	text := fmt.Sprintf("%+v", value)
	if len(text) > 300 {
		return fmt.Sprintf("%s… (%d bytes)", text[:300], len(text))
	}
	return text
}
