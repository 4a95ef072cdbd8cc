import { ares } from "../../lib/classify/ares.ts";
import { ARES, NOT_ARES } from "./samples/rare.ts";
import { table } from "./table.ts";

table(ares, ARES, NOT_ARES);
