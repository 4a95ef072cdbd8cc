import { soulseek } from "../../lib/classify/soulseek.ts";
import { NOT_SOULSEEK, SOULSEEK } from "./samples/soulseek.ts";
import { table } from "./table.ts";

table(soulseek, SOULSEEK, NOT_SOULSEEK);
