// Values by an unreliable data channel of Pion, with an offer and an answer over HTTP.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/pion/webrtc/v4"
)

// More than this on its way to a reader, and what is new is left out for it: there is newer in a moment.
const mayWait = 16 * 1024

type readers struct {
	sync.RWMutex
	open map[*webrtc.DataChannel]struct{}
}

func (r *readers) send(text string) {
	r.RLock()
	defer r.RUnlock()
	for channel := range r.open {
		if channel.BufferedAmount() < mayWait {
			// A channel that fails closes, and is taken out then.
			_ = channel.SendText(text)
		}
	}
}

func (r *readers) add(channel *webrtc.DataChannel) {
	r.Lock()
	r.open[channel] = struct{}{}
	r.Unlock()
}

func (r *readers) remove(channel *webrtc.DataChannel) {
	r.Lock()
	delete(r.open, channel)
	r.Unlock()
}

func answer(all *readers, offer webrtc.SessionDescription) (*webrtc.SessionDescription, error) {
	peer, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	peer.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateFailed {
			_ = peer.Close()
		}
	})
	peer.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnOpen(func() { all.add(channel) })
		channel.OnClose(func() {
			all.remove(channel)
			_ = peer.Close()
		})
	})
	if err := peer.SetRemoteDescription(offer); err != nil {
		return nil, err
	}
	made, err := peer.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	gathered := webrtc.GatheringCompletePromise(peer)
	if err := peer.SetLocalDescription(made); err != nil {
		return nil, err
	}
	<-gathered
	return peer.LocalDescription(), nil
}

func serve(all *readers) http.HandlerFunc {
	return func(response http.ResponseWriter, request *http.Request) {
		var offer webrtc.SessionDescription
		if err := json.NewDecoder(request.Body).Decode(&offer); err != nil {
			http.Error(response, err.Error(), http.StatusBadRequest)
			return
		}
		made, err := answer(all, offer)
		if err != nil {
			http.Error(response, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(response).Encode(made)
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("say where to listen: pion IP:PORT")
	}
	all := &readers{open: map[*webrtc.DataChannel]struct{}{}}
	http.HandleFunc("POST /offer", serve(all))
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe(os.Args[1], nil) }()
	commands := make(chan string)
	go func() {
		defer close(commands)
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			commands <- strings.TrimSpace(lines.Text())
		}
	}()
	fmt.Println(`{"ready":true}`)
	if err := produce(commands, failed, all.send); err != nil {
		log.Fatal(err)
	}
}
