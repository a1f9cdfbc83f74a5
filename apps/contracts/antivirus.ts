/**
 * The virus scanner: bytes in, a verdict out.
 *
 * A program binds to `/service/antivirus` and hands over a block. Who needs the bytes afterwards shares the block
 * first, so on one kernel nothing is copied, and a scanner that dies takes nothing along. Further scanners are
 * `/service/antivirus1` and so on.
 * - One check is outstanding at a time on each channel; clients are served side by side.
 * - The whole block is searched, and what its MIME parts hold when decoded, if it is a mail message.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const antivirusPath = "/service/antivirus";

export const antivirusContract = {
  name: "antivirus/1",
  contractName: "AntiVirusContract",
  messages: {
    checkFile: {
      from: "client",
      doc: "Wants to know whether these bytes are harmless",
      body: { data: "bytes" },
    },
    fileClean: { from: "server", doc: "No signature matches" },
    fileContaminated: {
      from: "server",
      doc: "This signature matches",
      body: { name: "string" },
    },
  },
  start: "ready",
  states: {
    ready: { checkFile: "checking" },
    checking: { fileClean: "ready", fileContaminated: "ready" },
  },
} as const satisfies Contract;
