"""Puts the temperatures of four rooms into the topic "rooms", ten times a second.

    TICKWIRE_KEY=… python3 rooms.py http://localhost:8080
"""

import json, os, random, sys, time
import requests

url = sys.argv[1] + "/topics/rooms"
session = requests.Session()  # one connection for all
session.headers["Authorization"] = "Bearer " + os.environ["TICKWIRE_KEY"]
rooms = dict.fromkeys(("attic", "cellar", "hall", "kitchen"), 20.0)
while True:
    rooms = {room: degrees + random.uniform(-0.1, 0.1) for room, degrees in rooms.items()}
    lines = (json.dumps({"key": room, "value": round(degrees, 2)}) for room, degrees in rooms.items())
    answer = session.post(url, data="\n".join(lines))
    if answer.status_code not in (200, 429, 503):
        sys.exit(f"{answer.status_code}: {answer.text}")
    time.sleep(float(answer.headers.get("Retry-After", 0.1)))
