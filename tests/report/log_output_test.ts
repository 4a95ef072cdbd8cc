import assert from "node:assert/strict";
import { type ByteSink, isJournal, LineWriter } from "../../lib/report/log_output.ts";

class Recorder implements ByteSink {
  text = "";
  writes = 0;
  most = Infinity;
  write(bytes: Uint8Array): Promise<number> {
    this.writes++;
    const count = Math.min(bytes.length, this.most);
    this.text += new TextDecoder().decode(bytes.subarray(0, count));
    return Promise.resolve(count);
  }
}

Deno.test("lines of one turn go out whole, in order, in one write", async () => {
  const sink = new Recorder();
  const writer = new LineWriter(sink);
  writer.write("one");
  writer.write("zwei ü");
  assert.equal(await writer.flush(1000), true);
  assert.equal(sink.text, "one\nzwei ü\n");
  assert.equal(sink.writes, 1);
  assert.equal(writer.written, 2);
});

Deno.test("the journal is told by device and inode of the stream, not by the variable alone", () => {
  const path = Deno.makeTempFileSync();
  try {
    const { dev, ino } = Deno.statSync(path);
    assert.equal(isJournal(path, `${dev}:${ino}`), true);
    for (const other of ["", `${dev}:${ino! + 1}`, `${dev}:`, "nonsense"]) assert.equal(isJournal(path, other), false);
    assert.equal(isJournal("/nonexistent", `${dev}:${ino}`), false);
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("a sink that takes little at a time still gets everything", async () => {
  const sink = new Recorder();
  sink.most = 3;
  const writer = new LineWriter(sink);
  for (let i = 0; i < 20; i++) writer.write(`line ${i}`);
  await writer.flush(1000);
  assert.equal(sink.text, Array.from({ length: 20 }, (_, i) => `line ${i}\n`).join(""));
});

Deno.test("a reader that stands still costs whole lines, counted, never time or memory", async () => {
  let go = () => {};
  let text = "";
  const gate = new Promise<void>((resolve) => go = resolve);
  const writer = new LineWriter({
    async write(bytes) {
      await gate;
      text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  }, 100);
  for (let i = 0; i < 50; i++) {
    writer.write(`line number ${i}`);
    if (i === 2) await Promise.resolve();
  }
  assert.ok(writer.dropped > 0);
  assert.equal(await writer.flush(10), false);
  go();
  assert.equal(await writer.flush(1000), true);
  assert.equal(writer.written + writer.dropped, 50);
  for (const line of text.trimEnd().split("\n")) assert.match(line, /^line number \d+$/);
});

Deno.test("a sink that fails loses lines, and gets the next ones when it works again", async () => {
  let broken = true;
  const sink = new Recorder();
  const writer = new LineWriter({
    write: (bytes) => broken ? Promise.reject(new Error("No space left on device")) : sink.write(bytes),
  });
  writer.write("a");
  await writer.flush(1000);
  assert.equal(writer.lost, 1);
  assert.equal(writer.failure, "No space left on device");
  broken = false;
  writer.write("b");
  await writer.flush(1000);
  assert.equal(sink.text, "b\n");
  assert.equal(writer.failure, null);
});

Deno.test("a line longer than the buffer is dropped, also if it would split a character", async () => {
  const sink = new Recorder();
  const writer = new LineWriter(sink, 8, 0);
  writer.write("1234567ü");
  writer.write("12345678");
  writer.write("1234567");
  await writer.flush(1000);
  assert.equal(sink.text, "1234567\n");
  assert.equal(writer.dropped, 2);
});

Deno.test("a line to be kept finds room where a flood has filled the buffer", async () => {
  const sink = new Recorder();
  const writer = new LineWriter(sink, 1000, 100);
  for (let i = 0; i < 50; i++) writer.write("x".repeat(49));
  writer.write("ready", true);
  await writer.flush(1000);
  assert.equal(writer.dropped, 32);
  assert.match(sink.text, /^(x{49}\n){18}ready\n$/);
});
