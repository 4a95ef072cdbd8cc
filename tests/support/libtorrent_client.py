"""A libtorrent client for live tests, driven by one JSON argument.

{"torrent": path | "magnet": text, "save": folder, "port": n, "address": text, "addresses": [text, …], "seed": bool,
 "peers": [[host, port], …], "nodes": [[host, port], …], "settings": {name: value, …}, "asks": seconds}

"asks": its nodes of the DHT, again and again, as a busy client does.
"addresses": as many clients of one program, one at each of them. Every half second it prints a JSON line: payload bytes received and sent, share of the torrent, peers.
"""
import json
import os
import sys
import time

import libtorrent as lt

wanted = json.loads(sys.argv[1])
settings = {
    "user_agent": "libtorrent/2.0.8",
    "listen_interfaces": "%s:%d" % (wanted.get("address", "0.0.0.0"), wanted["port"]),
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_lsd": False,
    "enable_dht": False,
    # One host plays a whole swarm here, and private addresses play public ones.
    "allow_multiple_connections_per_ip": True,
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "dht_bootstrap_nodes": "",
    "min_reconnect_time": 5,
    "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.tracker_notification,
}
# Options named by text: enumerations of the bindings.
for name, value in wanted.get("settings", {}).items():
    settings[name] = int(getattr(lt.enc_policy, value, getattr(lt.enc_level, value, None))) if isinstance(value, str) and (
        name.endswith("_enc_policy") or name == "allowed_enc_level") else value


def session_at(address):
    return lt.session(settings | {
        "listen_interfaces": "%s:%d" % (address, wanted["port"]),
        "outgoing_interfaces": address,
    })


sessions = [session_at(address) for address in wanted["addresses"]] if "addresses" in wanted else [lt.session(settings)]
session = sessions[0]


def ask_nodes():
    for host, port in wanted.get("nodes", []):
        session.add_dht_node((host, port))


ask_nodes()
if "magnet" not in wanted and "torrent" not in wanted:
    # A node of the DHT and no more.
    while os.getppid() != 1:
        time.sleep(1)
    sys.exit(0)
if "magnet" in wanted:
    params = lt.parse_magnet_uri(wanted["magnet"])
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(wanted["torrent"])
params.save_path = wanted["save"]
params.flags &= ~lt.torrent_flags.auto_managed
params.flags &= ~lt.torrent_flags.paused
if wanted.get("seed"):
    params.flags |= lt.torrent_flags.seed_mode
handles = []
for one in sessions:
    if len(sessions) > 1 and not wanted.get("seed"):
        params.save_path = os.path.join(wanted["save"], str(len(handles)))
    handles.append(one.add_torrent(params))


def connect():
    for handle in handles:
        for host, port in wanted.get("peers", []):
            handle.connect_peer((host, port))


connect()
again = time.monotonic() + 5
asked = time.monotonic()
while True:
    statuses = [handle.status() for handle in handles]
    status = statuses[0]
    print(json.dumps({
        "received": sum(one.total_payload_download for one in statuses),
        "sent": sum(one.total_payload_upload for one in statuses),
        "done": status.total_wanted_done if status.has_metadata else 0,
        "progress": status.progress,
        "peers": status.num_peers,
        "metadata": status.has_metadata,
    }), flush=True)
    for alert in session.pop_alerts():
        print("alert", alert, flush=True)
    # What a user would do who typed in a peer: try again.
    if time.monotonic() > again and all(one.num_peers == 0 for one in statuses):
        again = time.monotonic() + 5
        ask_nodes()
        connect()
    if "asks" in wanted and time.monotonic() > asked + wanted["asks"]:
        asked = time.monotonic()
        ask_nodes()
    if os.getppid() == 1:
        sys.exit(0)
    time.sleep(0.5)
