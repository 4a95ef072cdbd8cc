import assert from "node:assert/strict";
import { soulseek } from "./mod.ts";
import { converse } from "../../../tests/support/conversation.ts";
import { samples } from "./samples.ts";

Deno.test("a login in a capture that holds 42 bytes of it counts by its lengths", () => {
  const [login] = samples.recognised[0]!.turns;
  assert.equal(converse(soulseek, { tcp: true, snap: 42 }, [login!]).answer.name, "server-login");
  const odd = login![1].slice();
  odd[0]!++;
  assert.equal(converse(soulseek, { tcp: true, snap: 42 }, [[">", odd]]).answer.certainty, 0);
});
