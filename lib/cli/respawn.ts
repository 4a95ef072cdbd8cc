/**
 * Where no service manager starts a program again: the shell does, as the parent of the daemon. It is there on every router,
 * and waits in two megabytes, where a second ftwall would take fifty.
 * @module
 */
import { FAILED, Failure } from "../report/failure.ts";

/** Tells the daemon below the shell that it is there. */
const BELOW = "FTWALL_RESPAWNED";

/**
 * Ends with the daemon's own exit code where that stopped as it was told, or cannot start; starts it again, a second later,
 * where it was killed, or failed after it had run, unless it was told to stop meanwhile. Signals are passed on; `wait` comes
 * back from them, and is called again.
 */
const LOOP = `
${BELOW}=1
export ${BELOW}
stop=
trap 'stop=1; kill -TERM "$child" 2>/dev/null' TERM INT
trap 'kill -HUP "$child"' HUP
while :; do
  began=$(date +%s)
  "$@" &
  child=$!
  while :; do
    wait "$child"
    code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  case $code in
    0 | 2 | 3) exit "$code" ;;
    1) [ $(($(date +%s) - began)) -ge 5 ] || exit 1 ;;
  esac
  sleep 1
  [ -z "$stop" ] || exit 0
done`;

/** Becomes the shell that runs this command line over and over; comes back only below it. Throws a {@link Failure}. */
export async function becomeRespawned(): Promise<void> {
  if (Deno.env.get(BELOW) === "1") {
    // Programs that the daemon starts are not meant.
    Deno.env.delete(BELOW);
    return;
  }
  const { OwnProcess } = await import("../../ffi/own_process.ts");
  const [, ...words] = Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  const own = new OwnProcess();
  using _ = own;
  const errno = own.become("/bin/sh", ["sh", "-c", LOOP, "ftwall", Deno.execPath(), ...words]);
  throw new Failure(FAILED, `Cannot start /bin/sh, which is to start ftwall again where it ends: error ${errno}`);
}
