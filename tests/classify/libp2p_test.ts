import { libp2p } from "../../lib/classify/libp2p.ts";
import { LIBP2P, NOT_LIBP2P } from "./samples/rare.ts";
import { table } from "./table.ts";

table(libp2p, LIBP2P, NOT_LIBP2P);
