#!/bin/sh
# Puts this machine's load into the topic "load", each second:
#
#     TICKWIRE_KEY=… ./load.sh http://localhost:8080
set -eu
while read -r one five fifteen _ < /proc/loadavg; do
  printf '{"key": "%s", "value": "%s"}\n' 1min "$one" 5min "$five" 15min "$fifteen" |
    curl --fail-with-body --silent --show-error --output /dev/null \
      --header "Authorization: Bearer $TICKWIRE_KEY" --data-binary @- "$1/topics/load"
  sleep 1
done
