/**
 * What a started program gets on standard input.
 * @module
 */

/** Writes the text and ends the input. Never throws: a program that ends before it has read everything says by its status why. */
export async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  } catch {
    await writer.abort().catch(() => {});
  }
}
