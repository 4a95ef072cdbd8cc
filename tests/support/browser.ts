/**
 * A real browser, driven through its DevTools protocol: chromium without a window.
 */

/** How a page is looked at. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly mobile?: boolean;
}

type Result = Record<string, unknown>;

/** See the module's text. `await using` ends it and removes its profile. */
export class Browser implements AsyncDisposable {
  /** What it found wrong with the pages, such as what their policy forbids. */
  readonly complaints: string[] = [];
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { done: (result: Result) => void; failed: (error: Error) => void }>();
  readonly #events = new Map<string, () => void>();
  #next = 1;
  #session = "";

  private constructor(process: Deno.ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result, error, method, params } = JSON.parse(data as string);
      if (method === "Log.entryAdded") this.complaints.push(JSON.stringify(params.entry.text));
      if (method !== undefined) return this.#events.get(method)?.();
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.done(result);
      else waiting?.failed(new Error(error.message));
    };
  }

  /** Starts it with an empty page. */
  static async open(): Promise<Browser> {
    const profile = Deno.makeTempDirSync({ prefix: "ftwall-browser-" });
    const process = new Deno.Command("chromium", {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        `--user-data-dir=${profile}`,
        "--remote-debugging-port=0",
        "about:blank",
      ],
      stdout: "null",
      stderr: "piped",
    }).spawn();
    let said = "";
    let found: RegExpExecArray | null = null;
    const reader = process.stderr.pipeThrough(new TextDecoderStream()).getReader();
    while (found === null) {
      const { value, done } = await reader.read();
      if (done) throw new Error(`chromium has ended: ${said}`);
      found = /DevTools listening on (ws:\S+)/.exec(said += value);
    }
    (async () => {
      while (!(await reader.read()).done);
    })().catch(() => {});
    const socket = new WebSocket(found[1]!);
    await new Promise((resolve) => socket.onopen = resolve);
    const browser = new Browser(process, profile, socket);
    const { targetId } = await browser.#call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await browser.#call("Target.attachToTarget", { targetId, flatten: true });
    browser.#session = sessionId as string;
    await browser.#call("Page.enable");
    await browser.#call("Log.enable");
    return browser;
  }

  #call(method: string, params: Result = {}): Promise<Result> {
    const id = this.#next++;
    this.#socket.send(
      JSON.stringify({ id, method, params, ...(this.#session === "" ? {} : { sessionId: this.#session }) }),
    );
    return new Promise((done, failed) => this.#waiting.set(id, { done, failed }));
  }

  /** Loads a page and looks at it so. */
  async load(url: string, { width, height, dark = false, mobile = false }: Look): Promise<void> {
    await this.#call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    const features = [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }];
    await this.#call("Emulation.setEmulatedMedia", { features });
    const loaded = new Promise<void>((resolve) => this.#events.set("Page.loadEventFired", resolve));
    await this.#call("Page.navigate", { url });
    await loaded;
  }

  /** What an expression is on the page that is loaded; a promise is waited for. */
  async value(expression: string): Promise<unknown> {
    const { result } = await this.#call("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    return (result as Result)["value"];
  }

  /** Presses a key. */
  async press(key: string): Promise<void> {
    const codes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13 };
    const press = { key, code: key, windowsVirtualKeyCode: codes[key], ...(key === "Enter" ? { text: "\r" } : {}) };
    await this.#call("Input.dispatchKeyEvent", { type: "keyDown", ...press });
    await this.#call("Input.dispatchKeyEvent", { type: "keyUp", ...press });
  }

  /** Types a text. */
  async type(text: string): Promise<void> {
    await this.#call("Input.insertText", { text });
  }

  /** Presses Enter, and waits for the page that comes of it. */
  async enter(): Promise<void> {
    const loaded = new Promise<void>((resolve) => this.#events.set("Page.loadEventFired", resolve));
    await this.press("Enter");
    await loaded;
  }

  /** Runs what pages bring from now on, or not. */
  async scripts(run: boolean): Promise<void> {
    await this.#call("Emulation.setScriptExecutionDisabled", { value: !run });
  }

  /** A picture of what is seen (PNG). */
  async picture(): Promise<Uint8Array> {
    return Uint8Array.fromBase64((await this.#call("Page.captureScreenshot"))["data"] as string);
  }

  /** The page on paper (PDF). */
  async paper(): Promise<Uint8Array> {
    const options = { printBackground: false, preferCSSPageSize: true, paperWidth: 8.27, paperHeight: 11.69 };
    return Uint8Array.fromBase64((await this.#call("Page.printToPDF", options))["data"] as string);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Unlike a signal this ends its processes before it ends itself.
    this.#session = "";
    await this.#call("Browser.close");
    await this.#process.status;
    Deno.removeSync(this.#profile, { recursive: true });
  }
}
