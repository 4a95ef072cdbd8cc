import assert from "node:assert/strict";
import { METRICS_TYPE } from "../../lib/report/metrics.ts";
import { serveMetrics } from "../../lib/report/metrics_server.ts";
import { openLog } from "../../lib/report/log_output.ts";

/** Everything that an error must say: what was attempted, what was found, what to do; and that ftwall ends with 1. */
function says(pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof Error && "exitCode" in error);
    assert.equal(error.exitCode, 1);
    assert.match(error.message, pattern);
    return true;
  };
}

Deno.test("metrics on a taken port end ftwall with a sentence that says what to change", async () => {
  await using first = serveMetrics("127.0.0.1:0", () => "ftwall_up 1\n");
  assert.throws(
    () => serveMetrics(first.address, () => ""),
    says(new RegExp(`^Cannot serve metrics at "${first.address}": .+\\. Change \\[metrics\\] listen`)),
  );
  const answer = await fetch(`http://${first.address}/metrics`);
  assert.equal(answer.headers.get("content-type"), METRICS_TYPE);
  assert.equal(await answer.text(), "ftwall_up 1\n");
});

Deno.test("an unusable log file ends ftwall with a sentence that says what to change", () => {
  assert.throws(
    () => openLog("/nonexistent/ftwall.log"),
    says(/^Cannot open the log "\/nonexistent\/ftwall\.log": .+\. Make its directory, or change \[log\] file$/),
  );
});
