"""A Tox client (libtoxcore by ctypes) for live tests that knows its relays only: no UDP, no discovery.

One JSON argument: {"relays": [[host, port, hex key], …], "friend": hex public key | null, "seconds": n}
Prints its own public key, then a JSON line each second: how it is connected (0 not, 1 TCP), its friend, messages received.
"""
import ctypes
import json
import sys
import time

wanted = json.loads(sys.argv[1])
tox_library = ctypes.CDLL("libtoxcore.so.2")
pointer = ctypes.c_void_p
for name in ("tox_options_new", "tox_new"):
    getattr(tox_library, name).restype = pointer
options = pointer(tox_library.tox_options_new(None))
tox_library.tox_options_set_udp_enabled(options, ctypes.c_bool(False))
tox_library.tox_options_set_local_discovery_enabled(options, ctypes.c_bool(False))
error = ctypes.c_int(0)
tox = pointer(tox_library.tox_new(options, ctypes.byref(error)))
if not tox.value:
    sys.exit("tox_new: %d" % error.value)
key = ctypes.create_string_buffer(32)
tox_library.tox_self_get_public_key(tox, key)
print(json.dumps({"key": key.raw.hex()}), flush=True)
for host, port, relay in wanted["relays"]:
    binary = bytes.fromhex(relay)
    tox_library.tox_bootstrap(tox, host.encode(), ctypes.c_uint16(port), binary, None)
    tox_library.tox_add_tcp_relay(tox, host.encode(), ctypes.c_uint16(port), binary, None)
received = 0
CALLBACK = ctypes.CFUNCTYPE(None, pointer, ctypes.c_uint32, ctypes.c_int, pointer, ctypes.c_size_t, pointer)


@CALLBACK
def heard(_tox, _friend, _kind, _text, _length, _data):
    global received
    received += 1


tox_library.tox_callback_friend_message(tox, heard)
friend = None
ends = time.monotonic() + wanted["seconds"]
told = 0
while time.monotonic() < ends:
    tox_library.tox_iterate(tox, None)
    if friend is None:
        line = wanted.get("friend")
        if line:
            friend = tox_library.tox_friend_add_norequest(tox, bytes.fromhex(line), None)
    if time.monotonic() > told + 1:
        told = time.monotonic()
        if friend is not None:
            tox_library.tox_friend_send_message(tox, ctypes.c_uint32(friend), 0, b"hello", ctypes.c_size_t(5), None)
        connected = tox_library.tox_self_get_connection_status(tox)
        print(json.dumps({"connected": connected, "received": received}), flush=True)
    time.sleep(0.05)
