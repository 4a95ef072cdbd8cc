import { openft } from "../../lib/classify/openft.ts";
import { NOT_OPENFT, OPENFT } from "./samples/rare.ts";
import { table } from "./table.ts";

table(openft, OPENFT, NOT_OPENFT);
