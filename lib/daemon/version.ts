/**
 * Which ftwall this is.
 * @module
 */
import project from "../../deno.json" with { type: "json" };

/** Version as in deno.json, the one place that holds it. */
export const VERSION: string = project.version;
