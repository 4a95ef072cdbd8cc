import { applejuice } from "../../lib/protocol/applejuice/mod.ts";
import { APPLEJUICE, NOT_APPLEJUICE } from "./rare.ts";
import { table } from "./table.ts";

table(applejuice, APPLEJUICE, NOT_APPLEJUICE);
