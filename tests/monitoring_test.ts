/** The alert rules and the dashboard in docs/monitoring, held against the metrics that are served. */
import assert from "node:assert/strict";
import { metricsText } from "../lib/report/metrics.ts";
import { VerdictTimes } from "../lib/report/verdict_times.ts";
import { statusOf } from "./support/status.ts";
import { has, unless } from "./support/tools.ts";

const folder = new URL("../docs/monitoring/", import.meta.url);
const alerts = Deno.readTextFileSync(new URL("alerts.yml", folder));
const dashboard = JSON.parse(Deno.readTextFileSync(new URL("dashboard.json", folder))) as {
  readonly panels: readonly {
    readonly id: number;
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
};

/** Names of series, with the labels of each. */
const served = new Map<string, Set<string>>();
for (const [, name, labels = ""] of metricsText(statusOf(), new VerdictTimes(), 1).matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
  const known = served.get(name!) ?? new Set(["instance", "job"]);
  for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!);
  served.set(name!, known);
}

const alertExpressions = [...alerts.matchAll(/^ +expr: (.+)$/gm)].map(([, expression]) => expression!);
const alertNames = [...alerts.matchAll(/^ +- alert: (.+)$/gm)].map(([, name]) => name!);
const expressions = [
  ...alertExpressions,
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

Deno.test("every metric and label that alerts and dashboard name is served", () => {
  assert.ok(expressions.length > 20);
  for (const expression of expressions) {
    const names = [...expression.matchAll(/\bftwall_\w+/g)].map(([name]) => name);
    assert.ok(names.length > 0 || expression.startsWith("up{"), expression);
    for (const name of names) assert.ok(served.has(name), `${name} in ${expression}`);
    for (const [, name, matchers] of expression.matchAll(/\b(ftwall_\w+)\{([^}]*)\}/g)) {
      for (const [, label] of matchers!.matchAll(/(\w+)=/g)) {
        assert.ok(served.get(name!)!.has(label!), `${label} of ${name} in ${expression}`);
      }
    }
    const labels = new Set(names.flatMap((name) => [...served.get(name)!]));
    for (const [, grouped] of expression.matchAll(/by \(([^)]*)\)/g)) {
      for (const label of grouped!.split(", ")) assert.ok(labels.has(label), `${label} in ${expression}`);
    }
  }
});

Deno.test("each panel has a place of its own, and legends name labels that its series have", () => {
  const taken = new Set<string>();
  for (const { title, gridPos: { x, y, w, h }, targets } of dashboard.panels) {
    assert.ok(x + w <= 24, title);
    for (let row = y; row < y + h; row++) {
      for (let column = x; column < x + w; column++) {
        assert.ok(!taken.has(`${row}:${column}`), title);
        taken.add(`${row}:${column}`);
      }
    }
    for (const { expr, legendFormat } of targets) {
      const names = [...expr.matchAll(/\bftwall_\w+/g)].map(([name]) => name);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(names.every((name) => served.get(name)!.has(label!)), `${label} in ${title}`);
      }
    }
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});

Deno.test("the page on monitoring has a row for each alert", () => {
  const page = Deno.readTextFileSync(new URL("README.md", folder));
  assert.deepEqual([...page.matchAll(/^\| `(Ftwall\w+)`/gm)].map(([, name]) => name), alertNames);
});

const promtool = await has("promtool");
const skipped = unless(promtool, "promtool");

Deno.test({
  name: `promtool takes the alert rules, and the expressions of the dashboard${skipped}`,
  ignore: !promtool,
  async fn() {
    await check("rules", alerts);
    const records = dashboard.panels.flatMap(({ id, targets }) =>
      targets.map(({ expr }, i) =>
        `  - record: panel_${id}_${i}\n    expr: ${JSON.stringify(expr.replaceAll("$__rate_interval", "5m"))}\n`
      )
    );
    await check("rules", `groups:\n- name: dashboard\n  rules:\n${records.join("")}`);
    await check("metrics", metricsText(statusOf(), new VerdictTimes(), 1));
  },
});

/** For each alert the series that make it fire, as promtool writes them: a sample a minute. */
const FIRING: Readonly<Record<string, readonly string[]>> = {
  FtwallDown: [`up{job="ftwall"}: 0x60`],
  FtwallRestarts: ["ftwall_uptime_seconds: 600+60x10 0+60x10 0+60x10 0+60x27"],
  FtwallRulesGone: ["ftwall_rules_present: 1x50 0x10"],
  FtwallRulesTakenAway: ["ftwall_rules_lost_total: 0+1x60"],
  FtwallSeesNothing: ["ftwall_packets_total: 100x60", "ftwall_uptime_seconds: 3600+60x60"],
  FtwallPassedUnseen: [
    `ftwall_queue_dropped_total{queue="0"}: 0+5x60`,
    `ftwall_queue_user_dropped_total{queue="0"}: 0x60`,
  ],
  FtwallSlow: [
    `ftwall_verdict_seconds_bucket{le="0.01"}: 0x60`,
    `ftwall_verdict_seconds_bucket{le="0.1"}: 0+100x60`,
    `ftwall_verdict_seconds_bucket{le="+Inf"}: 0+100x60`,
  ],
  FtwallReloadRefused: ["ftwall_last_reload_ok: 0x60"],
  FtwallTableFull: ["ftwall_peers: 99x60", "ftwall_peers_capacity: 100x60"],
  FtwallFaults: [`ftwall_events_total{kind="exceptions"}: 0x50 1x10`],
  FtwallTellsNobody: [
    `ftwall_notify_failed_total{target="admin"}: 0+1x60`,
    `ftwall_notify_sent_total{target="admin"}: 5x60`,
  ],
  FtwallStillInDryRun: ["ftwall_dry_run: 1x60", "ftwall_uptime_seconds: 2600000+60x60"],
};

/** A daemon that is well. */
const WELL: readonly string[] = [
  `up{job="ftwall"}: 1x60`,
  "ftwall_uptime_seconds: 3600+60x60",
  "ftwall_packets_total: 0+100x60",
  "ftwall_rules_present: 1x60",
  "ftwall_rules_lost_total: 0x30 1x30",
  `ftwall_queue_dropped_total{queue="0"}: 7x60`,
  `ftwall_queue_user_dropped_total{queue="0"}: 0x60`,
  `ftwall_verdict_seconds_bucket{le="0.0001"}: 0+100x60`,
  `ftwall_verdict_seconds_bucket{le="+Inf"}: 0+100x60`,
  "ftwall_last_reload_ok: 1x60",
  "ftwall_peers: 50x60",
  "ftwall_peers_capacity: 100x60",
  `ftwall_events_total{kind="exceptions"}: 0x60`,
  `ftwall_events_total{kind="events_suppressed"}: 0+10x60`,
  `ftwall_notify_failed_total{target="admin"}: 0+1x60`,
  `ftwall_notify_sent_total{target="admin"}: 0x30 1x30`,
  "ftwall_dry_run: 1x60",
];

Deno.test({
  name: `each alert fires on what it is for, and none on a daemon that is well${skipped}`,
  ignore: !promtool,
  async fn() {
    assert.deepEqual(Object.keys(FIRING), alertNames);
    const series = (lines: readonly string[]) =>
      lines.map((line) => {
        const at = line.indexOf("}: ") > 0 ? line.indexOf("}: ") + 1 : line.indexOf(": ");
        return `  - series: '${line.slice(0, at)}'\n    values: '${line.slice(at + 2)}'\n`;
      }).join("");
    // "ALERTS" is what the rules make, so each case asks for it by an expression and needs no text of theirs.
    const ask = (lines: readonly string[], expression: string, wanted: string) =>
      `- interval: 1m\n  input_series:\n${series(lines)}  promql_expr_test:\n  - expr: '${expression}'\n` +
      `    eval_time: 60m\n    exp_samples: ${wanted}\n`;
    const one = "[{value: 1, labels: '{}'}]";
    const cases = [
      ...alertNames.map((name) => ask(FIRING[name]!, `max(ALERTS{alertname="${name}",alertstate="firing"})`, one)),
      ask(WELL, "ALERTS", "[]"),
    ];
    await check("test", `rule_files: [${new URL("alerts.yml", folder).pathname}]\ntests:\n${cases.join("")}`);
  },
});

/** Has promtool look at a text. */
async function check(what: "rules" | "metrics" | "test", text: string): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "ftwall-promtool-", suffix: ".yml" });
  try {
    await Deno.writeTextFile(file, text);
    const words = what === "test" ? ["test", "rules", file] : what === "rules" ? ["check", "rules", file] : [];
    const command = what === "metrics"
      ? new Deno.Command("sh", { args: ["-c", `promtool check metrics < ${file}`] })
      : new Deno.Command("promtool", { args: words });
    const { code, stdout, stderr } = await command.output();
    assert.equal(code, 0, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) + text);
  } finally {
    await Deno.remove(file);
  }
}
