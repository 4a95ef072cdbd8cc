"""Drives ncdc through a terminal of its own: ncdc_client.py FOLDER COMMAND…

Commands are typed in order; "wait N" lets N seconds pass, "key NAME" presses a key (enter, down, d). What follows "repeat"
is typed over and over until it is ended. Everything that the terminal shows goes to FOLDER/screen.
"""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

folder, commands = sys.argv[1], sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.environ["HOME"] = folder
    os.execvp("ncdc", ["ncdc", "-c", folder])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
screen = open(folder + "/screen", "wb", buffering=0)


def watch(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.getppid() == 1:
            sys.exit(0)
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                screen.write(os.read(terminal, 65536))
            except OSError:
                sys.exit(1)


def enter(commands):
    for command in commands:
        word, _, rest = command.partition(" ")
        if word == "wait":
            watch(float(rest))
        elif word == "key":
            os.write(terminal, {"enter": b"\r", "down": b"\x1b[B"}.get(rest, rest.encode()))
            watch(0.5)
        else:
            os.write(terminal, command.encode() + b"\r")
            watch(0.4)


try:
    watch(1)
    at = commands.index("repeat") if "repeat" in commands else len(commands)
    enter(commands[:at])
    while True:
        enter(commands[at + 1:])
        watch(1)
finally:
    os.kill(pid, signal.SIGKILL)
