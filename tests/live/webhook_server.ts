/** A web server on 0.0.0.0 at the port of its argument that prints each request as a line of JSON. */
const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
const port = Number(Deno.args[0]);
Deno.serve({ hostname: "0.0.0.0", port, onListen: () => print("ready") }, async (request) => {
  print(JSON.stringify({ token: request.headers.get("authorization"), message: await request.json() }));
  return new Response("ok");
});
