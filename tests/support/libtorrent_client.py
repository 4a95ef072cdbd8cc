"""A libtorrent client for live tests, driven by one JSON argument.

{"torrent": path | "magnet": text, "save": folder, "port": n, "address": text, "seed": bool,
 "peers": [[host, port], …], "nodes": [[host, port], …], "settings": {name: value, …}, "asks": seconds}

"asks": its nodes of the DHT, again and again, as a busy client does.
Every half second it prints a JSON line: payload bytes received and sent, share of the torrent, peers.
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
session = lt.session(settings)


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
handle = session.add_torrent(params)
for host, port in wanted.get("peers", []):
    handle.connect_peer((host, port))
again = time.monotonic() + 5
asked = time.monotonic()
while True:
    status = handle.status()
    print(json.dumps({
        "received": status.total_payload_download,
        "sent": status.total_payload_upload,
        "done": status.total_wanted_done if status.has_metadata else 0,
        "progress": status.progress,
        "peers": status.num_peers,
        "metadata": status.has_metadata,
    }), flush=True)
    for alert in session.pop_alerts():
        print("alert", alert, flush=True)
    # What a user would do who typed in a peer: try again.
    if time.monotonic() > again and status.num_peers == 0:
        again = time.monotonic() + 5
        ask_nodes()
        for host, port in wanted.get("peers", []):
            handle.connect_peer((host, port))
    if "asks" in wanted and time.monotonic() > asked + wanted["asks"]:
        asked = time.monotonic()
        ask_nodes()
    if os.getppid() == 1:
        sys.exit(0)
    time.sleep(0.5)
