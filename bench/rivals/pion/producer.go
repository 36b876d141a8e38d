package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const keys = 20

func value(key, count int) (string, float64) {
	now := float64(time.Now().UnixMicro()) / 1000
	price := 1000 + float64((count*37)%9000)/10
	text := fmt.Sprintf(
		`{"key":"k%d","time":%.3f,"price":%.2f,"bid":%.2f,"ask":%.2f,"volume":%d}`,
		key, now, price, price-0.05, price+0.05, 100000+count%900000)
	return text, now
}

// produce changes each key as often as a line `rate N` says, at moments spread evenly; `rate 0` stops and is
// answered with the time of each key's last value. It ends when there are no more commands, or with a failure.
func produce(commands <-chan string, failed <-chan error, put func(string)) error {
	var last [keys]float64
	var every time.Duration
	var next time.Time
	count := 0
	timer := time.NewTimer(time.Hour)
	for {
		select {
		case err := <-failed:
			return err
		case command, more := <-commands:
			if !more {
				return nil
			}
			rate, _ := strconv.ParseFloat(strings.TrimPrefix(command, "rate "), 64)
			if rate <= 0 {
				timer.Stop()
				line, err := json.Marshal(map[string]any{"last": last})
				if err != nil {
					return err
				}
				fmt.Println(string(line))
				continue
			}
			every = time.Duration(float64(time.Second) / (rate * keys))
			next = time.Now()
			timer.Reset(0)
		case <-timer.C:
			key := count % keys
			text, now := value(key, count)
			last[key] = now
			put(text)
			count++
			next = next.Add(every)
			timer.Reset(time.Until(next))
		}
	}
}
